/** The public shape of budgets and quotas, and of the windows in which they count. */
import { Field, ID, Int, InterfaceType, ObjectType, registerEnumType } from 'type-graphql';
import { LIMIT_METRICS, LIMIT_OWNER_TYPES, LIMIT_PERIODS, type LimitMetric, type LimitOwnerType, type LimitPeriod } from '../../shared/limit.ts';
import { connectionOf } from '../graphql/connection.ts';
import { FieldChangeType } from '../graphql/field-change.types.ts';
import { BigIntString, DateTime } from '../graphql/scalars.ts';
import { UserError } from '../graphql/user-error.types.ts';
import { RULE_MODE } from '../mcp-servers/rule-mode.types.ts';
import { Node } from '../nodes/node.types.ts';
import { Money } from './money.types.ts';

const namesOf = (values: readonly string[]): Readonly<Record<string, string>> => Object.fromEntries(values.map((value) => [value, value]));

export const LIMIT_OWNER_TYPE = namesOf(LIMIT_OWNER_TYPES);
registerEnumType(LIMIT_OWNER_TYPE, { name: 'OwnerType', description: 'Whose calls a limit counts: those of a key count for the whole chain above it.' });
export const LIMIT_PERIOD = namesOf(LIMIT_PERIODS);
registerEnumType(LIMIT_PERIOD, { name: 'BudgetPeriod', description: 'How long a window is, by the calendar of the timezone. Weeks begin on Monday.' });
export const QUOTA_METRIC = namesOf(LIMIT_METRICS.filter((metric) => metric !== 'NANO_USD'));
registerEnumType(QUOTA_METRIC, { name: 'QuotaMetric', description: 'What a quota counts.' });

@ObjectType('LimitWindow', { description: 'One window of a limit, in nano-USD or in the unit of the quota’s metric.' })
export class LimitWindowType {
  @Field(() => DateTime, { description: 'The first instant of the window.' })
  startsAt!: Date;

  @Field(() => DateTime, { description: 'The first instant after it.' })
  endsAt!: Date;

  @Field(() => BigIntString, { description: 'What the limit allows in every window.' })
  limit!: string;

  @Field(() => BigIntString, { description: 'What calls that are over used.' })
  used!: string;

  @Field(() => BigIntString, { description: 'What is held for calls that are under way.' })
  reserved!: string;

  @Field(() => BigIntString, { description: 'What may still be used: of the limit and of what was carried over.' })
  remaining!: string;

  @Field(() => BigIntString, { description: 'What the window before left, on top of the limit; 0 without rollover.' })
  carriedOver!: string;

  @Field(() => DateTime, { nullable: true, description: 'When nothing remains if it goes on as so far; null when the window ends before that.' })
  projectedExhaustionAt!: Date | null;
}

@InterfaceType('Limit', {
  description: 'A ceiling of an owner over a schedule of calendar windows.',
  resolveType: ({ metric }: { metric: LimitMetric }) => (metric === 'NANO_USD' ? 'Budget' : 'Quota'),
})
export abstract class LimitType {
  @Field(() => ID, { description: 'Of the form `lim_…`.' })
  id!: string;

  @Field(() => String, { description: 'For people; whoever is refused reads it.' })
  name!: string;

  @Field(() => LIMIT_OWNER_TYPE, { description: 'What the owner is.' })
  ownerType!: LimitOwnerType;

  @Field(() => ID, { description: 'Organisation, team, user, key or server.' })
  ownerId!: string;

  @Field(() => ID, { nullable: true, description: 'The one server that it is narrowed to.' })
  mcpServerId?: string | null | undefined;

  @Field(() => String, { nullable: true, description: 'The one tool of the server that it is narrowed to.' })
  tool?: string | null | undefined;

  @Field(() => LIMIT_PERIOD, { description: 'How long a window is.' })
  period!: LimitPeriod;

  @Field(() => String, { description: 'The IANA timezone whose calendar makes the windows.' })
  timezone!: string;

  @Field(() => DateTime, { description: 'From when it is in force.' })
  startAt!: Date;

  @Field(() => DateTime, { nullable: true, description: 'Until when.' })
  endAt?: Date | null | undefined;

  @Field(() => DateTime, { description: 'Since when it counts in these windows: when it was made, or its period or timezone changed.' })
  countedSince!: Date;

  @Field(() => Boolean, { description: 'Whether what is left of a window may be used in the next one, once.' })
  rollover!: boolean;

  @Field(() => Boolean, { description: 'Whether it is in force at all; while it is not, it counts nothing.' })
  active!: boolean;

  @Field(() => RULE_MODE, { description: 'Whether it refuses, or only counts and records that it would have refused.' })
  mode!: 'ENFORCE' | 'OBSERVE';

  @Field(() => Int, {
    nullable: true,
    description: 'For so many calls a data plane may take room at once and admit them by itself; null when every call asks.',
  })
  allotmentCalls?: number | null | undefined;

  @Field(() => Int, { description: 'Grows with every change; give it as `expectedVersion`.' })
  version!: number;

  @Field(() => DateTime, { description: 'When it was made.' })
  createdAt!: Date;

  @Field(() => DateTime, { description: 'When it was last changed.' })
  updatedAt!: Date;
}

@ObjectType('Budget', { implements: [LimitType, Node], description: 'A ceiling on what calls may cost.' })
export class BudgetType extends LimitType {
  @Field(() => Money, { description: 'What may be spent in a window.' })
  limit?: unknown;

  @Field(() => [Int], { description: 'Shares of the limit at which its owner wants to be warned.' })
  warnAtPercent!: number[];
}

@ObjectType('Quota', { implements: [LimitType, Node], description: 'A ceiling on how much calls may use of something other than money.' })
export class QuotaType extends LimitType {
  @Field(() => QUOTA_METRIC, { description: 'What it counts.' })
  metric!: LimitMetric;

  @Field(() => BigIntString, { description: 'How much of it a window allows.' })
  limit?: unknown;
}

@ObjectType('LimitEvent', { description: 'Something moved in the window of a limit.' })
export class LimitEventType {
  @Field(() => LimitType, { description: 'The budget or quota.' })
  limit!: LimitType;

  @Field(() => Int, { nullable: true, description: 'The highest of its `warnAtPercent` that was passed; null when none was.' })
  crossedPercent!: number | null;

  @Field(() => LimitWindowType, { description: 'The window as it stands now.' })
  window!: LimitWindowType;
}

export const BudgetConnection = connectionOf('Budget', () => BudgetType);
export const QuotaConnection = connectionOf('Quota', () => QuotaType);

@ObjectType({ description: 'The budget as it stands now.' })
export class BudgetPayload {
  @Field(() => BudgetType, { nullable: true, description: 'Null when the input was refused.' })
  budget!: BudgetType | null;

  @Field(() => [FieldChangeType], { description: 'What is, or in a dry run would be, different.' })
  changes!: readonly FieldChangeType[];

  @Field(() => [UserError], { description: 'What is wrong with the input.' })
  userErrors!: UserError[];
}

@ObjectType({ description: 'The quota as it stands now.' })
export class QuotaPayload {
  @Field(() => QuotaType, { nullable: true, description: 'Null when the input was refused.' })
  quota!: QuotaType | null;

  @Field(() => [FieldChangeType], { description: 'What is, or in a dry run would be, different.' })
  changes!: readonly FieldChangeType[];

  @Field(() => [UserError], { description: 'What is wrong with the input.' })
  userErrors!: UserError[];
}

@ObjectType({ description: 'What was deleted.' })
export class DeletePayload {
  @Field(() => ID, { nullable: true, description: 'Null when the input was refused.' })
  deletedId!: string | null;

  @Field(() => [UserError], { description: 'What is wrong with the input.' })
  userErrors!: UserError[];
}
