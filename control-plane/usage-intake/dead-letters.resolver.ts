/** GraphQL to usage that could not be stored. */
import { Arg, Ctx, Mutation, Query, Resolver } from 'type-graphql';
import { asPayload } from '../graphql/input-refused.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import { RetryDeadLettersInput, RetryDeadLettersPayload, UsageDeadLetters } from './dead-letters.types.ts';

@Resolver()
export class DeadLettersResolver {
  @Query(() => UsageDeadLetters, { description: 'Usage events that could not be stored, and why. Needs USAGE_READ.' })
  usageDeadLetters(@Ctx() context: RequestContext): Promise<UsageDeadLetters> {
    return context.services.deadLetters.list(asAdmin(context, 'USAGE_READ'));
  }

  @Mutation(() => RetryDeadLettersPayload, {
    description:
      'Stores usage events that could not be stored before, when the reason is gone; it adds nothing but what data planes have told. Needs USAGE_READ.',
  })
  retryDeadLetters(
    @Ctx() context: RequestContext,
    @Arg('input', () => RetryDeadLettersInput) { most }: RetryDeadLettersInput,
  ): Promise<RetryDeadLettersPayload> {
    const admin = asAdmin(context, 'USAGE_READ');
    return asPayload(() => context.services.deadLetters.retry(admin, most), { retried: null, stored: null, left: null });
  }
}
