/** GraphQL to live sums. */
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { Arg, Int, Resolver, Root, Subscription } from 'type-graphql';
import { selectsWithin } from '../graphql/connection.ts';
import { endingWith } from '../graphql/ending-with.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import { LATENCY_FIELDS, USAGE_GROUP_BY } from './usage-analytics.types.ts';
import { UsageFilterInput } from './usage-filter.types.ts';
import type { UsageGroup } from './usage-groups.ts';
import { readSequence } from './usage-sequence.ts';
import { UsageTick } from './usage-tick.types.ts';

interface TickArgs {
  readonly filter: UsageFilterInput;
  readonly intervalMs: number;
  readonly groupBy?: UsageGroup | null;
  readonly top: number;
  readonly after?: string | null;
}

@Resolver()
export class UsageTickResolver {
  @Subscription(() => UsageTick, {
    description:
      'Sums of what is recorded, a frame at every interval of 250 to 60,000 ms, whatever the number of calls; with `after`, the first frame begins behind that cursor. Needs USAGE_READ.',
    subscribe: ({ context, args, info }: { context: RequestContext; args: TickArgs; info: GraphQLResolveInfo }) => {
      const { caller } = asAdmin(context, 'USAGE_READ');
      const { filter, intervalMs: intervalMillis, groupBy, top, after } = args;
      const hasLatencies = selectsWithin(info, LATENCY_FIELDS);
      const question = { filter, intervalMillis, groupBy: groupBy ?? null, top, hasLatencies, after: after == null ? null : readSequence(after) };
      return endingWith((signal) => context.services.usageTicks.follow(caller.organisationId, question, signal));
    },
  })
  usageTick(
    @Root() tick: UsageTick,
    @Arg('filter', () => UsageFilterInput) _filter: UsageFilterInput,
    @Arg('intervalMs', () => Int, { defaultValue: 1000 }) _intervalMillis: number,
    @Arg('groupBy', () => USAGE_GROUP_BY, { nullable: true }) _groupBy: UsageGroup | null,
    @Arg('top', () => Int, { defaultValue: 10 }) _top: number,
    @Arg('after', () => String, { nullable: true }) _after: string | null,
  ): UsageTick {
    return tick;
  }
}
