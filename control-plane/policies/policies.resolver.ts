/** GraphQL to the policies service. */
import { Arg, Ctx, Mutation, Query, Resolver } from 'type-graphql';
import { asPayload } from '../graphql/input-refused.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import type { OwnedScope } from './policy.entity.ts';
import { POLICY_SCOPE, PolicyPayload, PolicyType, SetPolicyInputType } from './policy.types.ts';

@Resolver()
export class PoliciesResolver {
  @Query(() => [PolicyType], { description: 'The policies of the organisation and of what is in it.' })
  policies(@Ctx() context: RequestContext, @Arg('scope', () => [POLICY_SCOPE], { nullable: true }) scope: OwnedScope[] | null): Promise<PolicyType[]> {
    return context.services.policies.list(asAdmin(context), scope ?? null);
  }

  @Mutation(() => PolicyPayload, { description: 'Puts a policy in the place of the owner’s old one. Needs POLICY_MANAGE.' })
  setPolicy(@Ctx() context: RequestContext, @Arg('input', () => SetPolicyInputType) input: SetPolicyInputType): Promise<PolicyPayload> {
    const admin = asAdmin(context, 'POLICY_MANAGE');
    const given = { ...input, ownerId: input.ownerId ?? null, expectedVersion: input.expectedVersion ?? null };
    return asPayload(async () => ({ policy: await context.services.policies.set(admin, given) }), { policy: null });
  }
}
