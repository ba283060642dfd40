/** GraphQL to the policies service. */
import { Arg, Ctx, ID, Mutation, Query, Resolver } from 'type-graphql';
import type { PolicyScope } from '../../shared/policy.ts';
import { asPayload } from '../graphql/input-refused.ts';
import { Json } from '../graphql/scalars.ts';
import { UserError } from '../graphql/user-error.types.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import { effectivePolicy } from './effective-policy.ts';
import { EffectivePolicyType } from './effective-policy.types.ts';
import { draftErrors } from './policy-inputs.ts';
import { POLICY_SCOPE, PolicyPayload, PolicyType, SetPolicyInputType } from './policy.types.ts';

@Resolver()
export class PoliciesResolver {
  @Query(() => [PolicyType], { description: 'The policies of the organisation, of what is in it, and the operator’s for all organisations.' })
  policies(@Ctx() context: RequestContext, @Arg('scope', () => [POLICY_SCOPE], { nullable: true }) scope: PolicyScope[] | null): Promise<PolicyType[]> {
    return context.services.policies.list(asAdmin(context), scope ?? null);
  }

  @Query(() => EffectivePolicyType, {
    nullable: true,
    description: 'What holds for calls of a key at a server, by the function that data planes use; null where one of them does not exist.',
  })
  effectivePolicy(
    @Ctx() context: RequestContext,
    @Arg('apiKeyId', () => ID) apiKeyId: string,
    @Arg('serverId', () => ID) serverId: string,
  ): Promise<EffectivePolicyType | null> {
    return effectivePolicy(asAdmin(context), apiKeyId, serverId);
  }

  @Query(() => [UserError], { description: 'What setPolicy would object to in an envelope; nothing is saved.' })
  validatePolicy(@Ctx() context: RequestContext, @Arg('policy', () => Json) policy: unknown): UserError[] {
    asAdmin(context);
    return draftErrors(policy);
  }

  @Mutation(() => PolicyPayload, {
    description: 'Puts a policy in the place of the owner’s old one; an empty one takes the old one away. Needs POLICY_MANAGE.',
  })
  setPolicy(@Ctx() context: RequestContext, @Arg('input', () => SetPolicyInputType) input: SetPolicyInputType): Promise<PolicyPayload> {
    const admin = asAdmin(context, 'POLICY_MANAGE');
    const given = { ...input, ownerId: input.ownerId ?? null, trial: input.trial ?? null, expectedVersion: input.expectedVersion ?? null };
    return asPayload(async () => context.services.policies.set(admin, given), { policy: null, changes: [] });
  }
}
