/** What records are asked for, and in which order. */
import { Field, ID, InputType, Int, registerEnumType } from 'type-graphql';
import { DateTime } from '../graphql/scalars.ts';
import { TRANSPORT } from '../mcp-servers/mcp-server.types.ts';
import { DLP_OUTCOME } from './dlp.types.ts';
import { DECISION, DENIAL_CODE } from './usage.types.ts';

export const USAGE_ORDER_FIELD = { OCCURRED_AT: 'OCCURRED_AT', LATENCY: 'LATENCY', COST: 'COST' } as const;
registerEnumType(USAGE_ORDER_FIELD, { name: 'UsageOrderField', description: 'What records are ordered by.' });
export const ORDER_DIRECTION = { ASC: 'ASC', DESC: 'DESC' } as const;
registerEnumType(ORDER_DIRECTION, { name: 'OrderDirection', description: 'Smallest or largest first.' });

@InputType({ description: 'A span of time, half-open.' })
export class DateTimeRange {
  @Field(() => DateTime, { nullable: true, description: 'From then on.' })
  gte!: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'Before then.' })
  lt!: Date | null;
}

@InputType('UsageOrder', { description: 'How records are ordered.' })
export class UsageOrderInput {
  @Field(() => USAGE_ORDER_FIELD, { description: 'By what.' })
  field!: keyof typeof USAGE_ORDER_FIELD;

  @Field(() => ORDER_DIRECTION, { defaultValue: 'DESC', description: 'Smallest or largest first.' })
  direction!: keyof typeof ORDER_DIRECTION;
}

@InputType('UsageFilter', { description: 'Which records: fields are joined by AND, a list by OR.' })
export class UsageFilterInput {
  @Field(() => DateTimeRange, { description: 'When they occurred.' })
  range!: DateTimeRange;

  @Field(() => [ID], { nullable: true, description: 'Servers.' })
  serverId!: string[] | null;

  @Field(() => [String], { nullable: true, description: 'Servers by slug.' })
  serverSlug!: string[] | null;

  @Field(() => [String], { nullable: true, description: 'Tools.' })
  tool!: string[] | null;

  @Field(() => [ID], { nullable: true, description: 'Keys.' })
  apiKeyId!: string[] | null;

  @Field(() => [ID], { nullable: true, description: 'Teams.' })
  teamId!: string[] | null;

  @Field(() => [ID], { nullable: true, description: 'Users.' })
  userId!: string[] | null;

  @Field(() => [String], { nullable: true, description: 'Domains of users.' })
  userDomain!: string[] | null;

  @Field(() => [String], { nullable: true, description: 'What clients call themselves.' })
  clientName!: string[] | null;

  @Field(() => [ID], { nullable: true, description: 'Agents; a client of none stands by what it calls itself.' })
  agentId!: string[] | null;

  @Field(() => [ID], { nullable: true, description: 'Clients of agents.' })
  agentClientId!: string[] | null;

  @Field(() => [DECISION], { nullable: true, description: 'What became of them.' })
  decision!: string[] | null;

  @Field(() => [DENIAL_CODE], { nullable: true, description: 'Codes of refusals.' })
  denialCode!: string[] | null;

  @Field(() => [String], { nullable: true, description: 'Reasons of refusals.' })
  reason!: string[] | null;

  @Field(() => Boolean, { nullable: true, description: 'Whether rules that only observe would have refused or cut them.' })
  isObserved!: boolean | null;

  @Field(() => [String], { nullable: true, description: 'Reasons for which rules that only observe would have.' })
  observedReason!: string[] | null;

  @Field(() => [ID], { nullable: true, description: 'Policies, limits or servers whose rules would have.' })
  observedRuleId!: string[] | null;

  @Field(() => [DLP_OUTCOME], { nullable: true, description: 'The strictest thing that rules of content did.' })
  dlpOutcome!: string[] | null;

  @Field(() => [Int], { nullable: true, description: 'Statuses.' })
  status!: number[] | null;

  @Field(() => [String], { nullable: true, description: 'JSON-RPC methods.' })
  rpcMethod!: string[] | null;

  @Field(() => [TRANSPORT], { nullable: true, description: 'Transports.' })
  transport!: string[] | null;

  @Field(() => [String], { nullable: true, description: 'Request ids.' })
  requestId!: string[] | null;

  @Field(() => [String], { nullable: true, description: 'Traces.' })
  traceId!: string[] | null;
}
