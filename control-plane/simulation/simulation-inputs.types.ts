/** What may be tried on recorded traffic. */
import { Field, ID, InputType, Int } from 'type-graphql';
import type { LimitMetric, LimitOwnerType, LimitPeriod } from '../../shared/limit.ts';
import { BigIntString, Json } from '../graphql/scalars.ts';
import { LIMIT_OWNER_TYPE, LIMIT_PERIOD, QUOTA_METRIC } from '../money/limit.types.ts';
import type { PolicyScope } from '../../shared/policy.ts';
import { POLICY_SCOPE } from '../policies/policy.types.ts';

@InputType('PolicyDraftInput', { description: 'The policy of an owner, in place of the one that it has.' })
export class PolicyDraftInputType {
  @Field(() => POLICY_SCOPE, { description: 'What the owner is.' })
  scope!: PolicyScope;

  @Field(() => ID, { nullable: true, description: 'Team, key or server; the organisation needs none.' })
  ownerId!: string | null;

  @Field(() => Json, { description: 'The envelope `{policies: {ip, ratelimit}}`.' })
  policies!: unknown;
}

@InputType('ToolRulesDraftInput', { description: 'The tool rules of a server, enforced, in place of those that it has.' })
export class ToolRulesDraftInputType {
  @Field(() => ID, { description: 'The server.' })
  serverId!: string;

  @Field(() => [String], { description: 'The only tools that may be called; none means any.' })
  allowedTools!: string[];

  @Field(() => [String], { description: 'Tools that may not be called.' })
  blockedTools!: string[];
}

@InputType('SemanticFilterDraftInput', { description: 'The filter of a server. What messages say is not recorded, so only one that is empty can be tried.' })
export class SemanticFilterDraftInputType {
  @Field(() => ID, { description: 'The server.' })
  serverId!: string;

  @Field(() => [String], { defaultValue: [], description: 'Words.' })
  blockedKeywords!: string[];

  @Field(() => [String], { defaultValue: [], description: 'Patterns.' })
  blockedPatterns!: string[];
}

@InputType({ description: 'The calendar of a new limit.' })
export class DraftScheduleInput {
  @Field(() => LIMIT_PERIOD, { description: 'How long a window is.' })
  period!: LimitPeriod;

  @Field(() => String, { description: 'The IANA timezone whose calendar makes the windows.' })
  timezone!: string;
}

@InputType('LimitDraftInput', { description: 'A budget or quota: another amount for one that there is, or a new one.' })
export class LimitDraftInputType {
  @Field(() => ID, { nullable: true, description: 'One that there is; then only the amount is read.' })
  id!: string | null;

  @Field(() => LIMIT_OWNER_TYPE, { defaultValue: 'ORGANISATION', description: 'What the owner is.' })
  ownerType!: LimitOwnerType;

  @Field(() => ID, { nullable: true, description: 'Team, user, key or server; the organisation needs none.' })
  ownerId!: string | null;

  @Field(() => ID, { nullable: true, description: 'Counts calls of this server only.' })
  serverId!: string | null;

  @Field(() => String, { nullable: true, description: 'Counts calls of this tool only.' })
  tool!: string | null;

  @Field(() => QUOTA_METRIC, { nullable: true, description: 'What a quota counts; a budget has none.' })
  metric!: LimitMetric | null;

  @Field(() => String, { nullable: true, description: 'Of a budget: dollars in a window.' })
  limitUsd!: string | null;

  @Field(() => BigIntString, { nullable: true, description: 'Of a quota: how much of it a window allows.' })
  limit!: string | null;

  @Field(() => DraftScheduleInput, { nullable: true, description: 'Of a new one.' })
  schedule!: DraftScheduleInput | null;
}

@InputType({ description: 'Exactly one rule that might be.' })
export class DraftRuleInput {
  @Field(() => PolicyDraftInputType, { nullable: true, description: 'Addresses, rates, sizes and calls under way of an owner.' })
  policy!: PolicyDraftInputType | null;

  @Field(() => ToolRulesDraftInputType, { nullable: true, description: 'Allowed and blocked tools of a server.' })
  toolRules!: ToolRulesDraftInputType | null;

  @Field(() => SemanticFilterDraftInputType, { nullable: true, description: 'Words and patterns of a server.' })
  semanticFilter!: SemanticFilterDraftInputType | null;

  @Field(() => [ID], { nullable: true, description: 'Grants that would be taken away, at most 200.' })
  removedGrants!: string[] | null;

  @Field(() => LimitDraftInputType, { nullable: true, description: 'A budget or quota.' })
  limit!: LimitDraftInputType | null;
}

@InputType({ description: 'A draft, and the traffic to try it on.' })
export class SimulatePolicyInput {
  @Field(() => DraftRuleInput, { description: 'What might be.' })
  draft!: DraftRuleInput;

  @Field(() => Int, { defaultValue: 7, description: 'How many days back, 1 to 90.' })
  days!: number;

  @Field(() => Int, { defaultValue: 20_000, description: 'How many calls at most, the newest ones; up to 50,000.' })
  callsMax!: number;
}
