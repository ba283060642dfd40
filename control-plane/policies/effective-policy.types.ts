/** The public shape of what holds for the calls of a key at a server. */
import { Field, ID, Int, ObjectType } from 'type-graphql';
import type { PolicyScope } from '../../shared/policy.ts';
import { Json } from '../graphql/scalars.ts';
import { RULE_MODE } from '../mcp-servers/rule-mode.types.ts';
import { POLICY_SCOPE, PolicyType } from './policy.types.ts';

@ObjectType('EffectiveRule', { description: 'One rule of one policy; a call must satisfy all that are enforced.' })
export class EffectiveRuleType {
  @Field(() => ID, { description: 'The policy that it stands in.' })
  policyId!: string;

  @Field(() => POLICY_SCOPE, { description: 'Where that policy stands.' })
  scope!: PolicyScope;

  @Field(() => String, { description: 'Where in the policy, as denials and records name it.' })
  path!: string;

  @Field(() => RULE_MODE, { description: 'Whether it refuses, or only records.' })
  mode!: keyof typeof RULE_MODE;

  @Field(() => Json, { description: 'What it says.' })
  value!: unknown;
}

@ObjectType('EffectiveIpPolicy', { description: 'From which addresses calls may come.' })
export class EffectiveIpPolicyType {
  @Field(() => [String], { nullable: true, description: 'What all allowlists have in common; null where there is none, and empty when no address may call.' })
  allowlist!: readonly string[] | null;

  @Field(() => [String], { description: 'All blocklists together; they win.' })
  blocklist!: readonly string[];
}

@ObjectType('EffectiveRateLimit', {
  description: 'The smallest limit of each kind; null where there is none. Each policy counts its own calls, so a wider one may be reached first.',
})
export class EffectiveRateLimitType {
  @Field(() => Int, { nullable: true, description: 'Calls in any second.' })
  perSecond!: number | null;

  @Field(() => Int, { nullable: true, description: 'Calls in any minute.' })
  perMinute!: number | null;

  @Field(() => Int, { nullable: true, description: 'Calls in any hour.' })
  perHour!: number | null;

  @Field(() => Int, { nullable: true, description: 'Calls in any day.' })
  perDay!: number | null;

  @Field(() => Int, { nullable: true, description: 'Calls at once under a pace.' })
  burst!: number | null;

  @Field(() => Int, { nullable: true, description: 'Bytes of a request.' })
  maxRequestBytes!: number | null;

  @Field(() => Int, { nullable: true, description: 'Bytes of an answer.' })
  maxResponseBytes!: number | null;

  @Field(() => Int, { nullable: true, description: 'Calls under way.' })
  maxConcurrency!: number | null;
}

@ObjectType('EffectivePolicy', { description: 'What holds for the calls of a key at a server.' })
export class EffectivePolicyType {
  @Field(() => [PolicyType], { description: 'The policies that apply, from the widest scope to the narrowest. All of them do.' })
  layers!: readonly PolicyType[];

  @Field(() => [EffectiveRuleType], { description: 'Their rules, in the same order kind by kind.' })
  rules!: readonly EffectiveRuleType[];

  @Field(() => EffectiveIpPolicyType, { description: 'What the enforced address lists come to.' })
  ip!: EffectiveIpPolicyType;

  @Field(() => EffectiveRateLimitType, { description: 'What the enforced limits come to.' })
  rateLimit!: EffectiveRateLimitType;
}
