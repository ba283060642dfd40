/** The public shape of summed usage: series over time, facets, and the graph of who calls what. */
import { Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import { BigIntString, DateTime } from '../graphql/scalars.ts';
import type { Granularity } from './usage-buckets.ts';
import type { UsageGroup } from './usage-groups.ts';
import { Money } from '../money/money.types.ts';

export const USAGE_GROUP_BY = {
  SERVER: 'SERVER',
  TOOL: 'TOOL',
  AGENT: 'AGENT',
  API_KEY: 'API_KEY',
  TEAM: 'TEAM',
  USER: 'USER',
  USER_DOMAIN: 'USER_DOMAIN',
  DECISION: 'DECISION',
  DENIAL_CODE: 'DENIAL_CODE',
  DLP_OUTCOME: 'DLP_OUTCOME',
  TRANSPORT: 'TRANSPORT',
  CLIENT: 'CLIENT',
} as const satisfies { [Group in UsageGroup]: Group };
registerEnumType(USAGE_GROUP_BY, {
  name: 'UsageGroupBy',
  description: 'What usage is told apart by. AGENT is an agent, or for clients of none what they call themselves.',
});
export const USAGE_METRIC = {
  CALLS: 'CALLS',
  DENIED: 'DENIED',
  ERRORS: 'ERRORS',
  COST: 'COST',
  INPUT_BYTES: 'INPUT_BYTES',
  OUTPUT_BYTES: 'OUTPUT_BYTES',
  LATENCY_P50: 'LATENCY_P50',
  LATENCY_P95: 'LATENCY_P95',
  LATENCY_P99: 'LATENCY_P99',
  UNIQUE_KEYS: 'UNIQUE_KEYS',
} as const;
export type UsageMetric = keyof typeof USAGE_METRIC;
registerEnumType(USAGE_METRIC, { name: 'UsageMetric', description: 'What is summed: calls, nano-USD, bytes, milliseconds, or keys.' });
export const TIME_GRANULARITY = {
  MINUTE: 'MINUTE',
  FIVE_MINUTES: 'FIVE_MINUTES',
  HOUR: 'HOUR',
  DAY: 'DAY',
  WEEK: 'WEEK',
  MONTH: 'MONTH',
} as const satisfies { [Name in Granularity]: Name };
registerEnumType(TIME_GRANULARITY, { name: 'TimeGranularity', description: 'How long a bucket of time is, in UTC; weeks begin on Monday.' });

@ObjectType({ description: 'A span of time, half-open.' })
export class TimeSpan {
  @Field(() => DateTime, { description: 'From then on.' })
  gte!: Date;

  @Field(() => DateTime, { description: 'Before then.' })
  lt!: Date;
}

@ObjectType({
  description:
    'What usage adds up to, exact. A latency is somewhere between the bounds of the true one’s bucket: 256 µs, 384 µs, 512 µs, 768 µs and so on up to 67 s; beyond that, 67 s.',
})
export class UsageTotals {
  @Field(() => BigIntString, { description: 'Requests, whatever became of them.' })
  calls!: string;

  @Field(() => BigIntString, { description: 'Of them refused by Turnpike.' })
  denied!: string;

  @Field(() => BigIntString, { description: 'Of them admitted and failed.' })
  errors!: string;

  @Field(() => BigIntString, { description: 'Of the requests’ bodies.' })
  inputBytes!: string;

  @Field(() => BigIntString, { description: 'Of the answers’ bodies.' })
  outputBytes!: string;

  @Field(() => Money, { description: 'What they cost.' })
  cost!: Money;

  @Field(() => Int, { nullable: true, description: 'What half of the calls did not exceed; null without calls.' })
  latencyP50Ms!: number | null;

  @Field(() => Int, { nullable: true, description: 'What 95 of 100 calls did not exceed; null without calls.' })
  latencyP95Ms!: number | null;

  @Field(() => Int, { nullable: true, description: 'What 99 of 100 calls did not exceed; null without calls.' })
  latencyP99Ms!: number | null;
}

/** Summed over many columns, and only when somebody asks. */
export const LATENCY_FIELDS: readonly (keyof UsageTotals | keyof WorkflowEdge)[] = ['latencyP50Ms', 'latencyP95Ms', 'latencyP99Ms'];

@ObjectType({ description: 'A metric in one bucket of time.' })
export class UsagePoint {
  @Field(() => DateTime, { description: 'When the bucket begins.' })
  at!: Date;

  @Field(() => BigIntString, { nullable: true, description: 'Exact; of latencies in milliseconds, and null without calls.' })
  value!: string | null;
}

@ObjectType({ description: 'One metric of one group over time.' })
export class UsageSeries {
  @Field(() => String, { description: 'The group’s value, empty for what has none; without groups empty too.' })
  key!: string;

  @Field(() => String, { description: 'What people call it.' })
  label!: string;

  @Field(() => USAGE_METRIC, { description: 'What the points tell.' })
  metric!: UsageMetric;

  @Field(() => [UsagePoint], { description: 'One for each bucket of the range, the empty ones too.' })
  points!: UsagePoint[];

  @Field(() => UsageTotals, { description: 'Of the whole range.' })
  totals!: UsageTotals;
}

@ObjectType({ description: 'Usage over time.' })
export class UsageAnalytics {
  @Field(() => TimeSpan, { description: 'What was summed: what the filter left open ends now and begins a day earlier.' })
  range!: TimeSpan;

  @Field(() => TIME_GRANULARITY, { description: 'How long a bucket is.' })
  granularity!: Granularity;

  @Field(() => [UsageSeries], { description: 'For each metric of each group, the groups with the most of the first metric first.' })
  series!: UsageSeries[];

  @Field(() => UsageTotals, { description: 'Of all groups, also those that are left out.' })
  totals!: UsageTotals;

  @Field(() => Boolean, { description: 'There are more groups than were asked for.' })
  truncated!: boolean;
}

@ObjectType({ description: 'A value and how often it occurs.' })
export class UsageFacetValue {
  @Field(() => String, { description: 'What to filter by; empty for what has none.' })
  value!: string;

  @Field(() => String, { description: 'What people call it.' })
  label!: string;

  @Field(() => BigIntString, { description: 'Requests.' })
  count!: string;
}

@ObjectType({ description: 'What a field of the filter can be set to, as if it were not set itself.' })
export class UsageFacet {
  @Field(() => USAGE_GROUP_BY, { description: 'The field.' })
  field!: UsageGroup;

  @Field(() => [UsageFacetValue], { description: 'The fifty most frequent values.' })
  values!: UsageFacetValue[];
}

@ObjectType()
abstract class WorkflowSums {
  @Field(() => BigIntString, { description: 'Requests.' })
  calls!: string;

  @Field(() => BigIntString, { description: 'Of them refused.' })
  denied!: string;

  @Field(() => BigIntString, { description: 'Of them failed.' })
  errors!: string;

  @Field(() => Money, { description: 'What they cost.' })
  cost!: Money;
}

@ObjectType({ description: 'Who calls, or what is called.' })
export class WorkflowNode extends WorkflowSums {
  @Field(() => ID, { description: 'Within this graph.' })
  id!: string;

  @Field(() => USAGE_GROUP_BY, { description: 'Its level.' })
  kind!: UsageGroup;

  @Field(() => String, { description: 'What people call it.' })
  label!: string;
}

@ObjectType({ description: 'The requests that go through two nodes of neighbouring levels.' })
export class WorkflowEdge extends WorkflowSums {
  @Field(() => ID, { description: 'Within this graph.' })
  id!: string;

  @Field(() => ID, { description: 'The node of the upper level.' })
  source!: string;

  @Field(() => ID, { description: 'The node of the lower level.' })
  target!: string;

  @Field(() => Int, { nullable: true, description: 'What 95 of 100 calls did not exceed, as `UsageTotals` tells it.' })
  latencyP95Ms!: number | null;
}

@ObjectType({ description: 'Which clients call which tools of which servers, or what else the levels are.' })
export class WorkflowGraph {
  @Field(() => [WorkflowNode], { description: 'Those that an edge leads to or from; their sums are of all their requests.' })
  nodes!: WorkflowNode[];

  @Field(() => [WorkflowEdge], { description: 'The busiest first.' })
  edges!: WorkflowEdge[];

  @Field(() => Boolean, { description: 'There are more edges than were asked for.' })
  truncated!: boolean;
}
