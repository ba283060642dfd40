/** What may be said of a budget or quota to make or change it. */
import { Field, ID, InputType, Int } from 'type-graphql';
import type { LimitMetric, LimitOwnerType, LimitPeriod } from '../../shared/limit.ts';
import { BigIntString, DateTime } from '../graphql/scalars.ts';
import { RULE_MODE } from '../mcp-servers/rule-mode.types.ts';
import { LIMIT_OWNER_TYPE, LIMIT_PERIOD, QUOTA_METRIC } from './limit.types.ts';

@InputType({ description: 'When a limit is in force, and how long its windows are.' })
export class LimitScheduleInput {
  @Field(() => LIMIT_PERIOD, { description: 'How long a window is.' })
  period!: LimitPeriod;

  @Field(() => String, { description: 'The IANA timezone whose calendar makes the windows, such as `Europe/Berlin`.' })
  timezone!: string;

  @Field(() => DateTime, { nullable: true, description: 'From when it is in force; when it is made without, from the beginning of the window of the moment.' })
  startAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'Until when; in a change, null takes the end away.' })
  endAt?: Date | null | undefined;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether what is left of a window may be used in the next one, once; when it is made without, it may not.',
  })
  rollover!: boolean | null;
}

@InputType({ description: 'What is said of every new limit.' })
abstract class LimitInput {
  @Field(() => String, { description: 'For people; whoever is refused reads it.' })
  name!: string;

  @Field(() => LIMIT_OWNER_TYPE, { description: 'What the owner is.' })
  ownerType!: LimitOwnerType;

  @Field(() => ID, { nullable: true, description: 'Team, user, key or server; the organisation needs none.' })
  ownerId!: string | null;

  @Field(() => ID, { nullable: true, description: 'Counts calls of this server only.' })
  serverId!: string | null;

  @Field(() => String, { nullable: true, description: 'Counts calls of this tool of the server only.' })
  tool!: string | null;

  @Field(() => LimitScheduleInput, { description: 'When it is in force.' })
  schedule!: LimitScheduleInput;

  @Field(() => RULE_MODE, { defaultValue: 'ENFORCE', description: 'Whether it refuses, or only counts and records that it would have refused.' })
  mode!: 'ENFORCE' | 'OBSERVE';

  @Field(() => Int, {
    nullable: true,
    description: 'For so many calls, 2 to 1000, a data plane may take room at once and admit them by itself; without, or with 1, every call asks.',
  })
  allotmentCalls!: number | null;

  @Field(() => Boolean, { defaultValue: false, description: 'Answers what would be, and changes nothing.' })
  dryRun!: boolean;
}

@InputType({ description: 'A new budget.' })
export class BudgetInput extends LimitInput {
  @Field(() => String, { description: 'Dollars that may be spent in a window, exact to a nano: `"50"`, `"0.000002"`.' })
  limitUsd!: string;

  @Field(() => [Int], { defaultValue: [80, 100], description: 'Shares of the limit at which its owner wants to be warned, 1 to 100.' })
  warnAtPercent!: number[];
}

@InputType({ description: 'A new quota.' })
export class QuotaInput extends LimitInput {
  @Field(() => QUOTA_METRIC, { description: 'What it counts.' })
  metric!: LimitMetric;

  @Field(() => BigIntString, { description: 'How much of it a window allows.' })
  limit!: string;
}

@InputType({ description: 'What is said of every change of a limit.' })
abstract class UpdateLimitInput {
  @Field(() => ID, { description: 'The limit.' })
  id!: string;

  @Field(() => Int, { nullable: true, description: 'Refused with STALE_VERSION when the limit has another version.' })
  expectedVersion!: number | null;

  @Field(() => String, { nullable: true, description: 'For people.' })
  name!: string | null;

  @Field(() => LimitScheduleInput, { nullable: true, description: 'Another period or timezone begins to count anew.' })
  schedule!: LimitScheduleInput | null;

  @Field(() => RULE_MODE, { nullable: true, description: 'Whether it refuses or only records.' })
  mode!: 'ENFORCE' | 'OBSERVE' | null;

  @Field(() => Boolean, { nullable: true, description: 'Whether it is in force at all.' })
  active!: boolean | null;

  @Field(() => Int, { nullable: true, description: 'For so many calls a data plane may take room at once, 2 to 1000; with 1 every call asks.' })
  allotmentCalls!: number | null;

  @Field(() => Boolean, { defaultValue: false, description: 'Answers what would be, and changes nothing.' })
  dryRun!: boolean;
}

@InputType({ description: 'What is to change of a budget.' })
export class UpdateBudgetInput extends UpdateLimitInput {
  @Field(() => String, { nullable: true, description: 'Dollars that may be spent in a window, in force at once.' })
  limitUsd!: string | null;

  @Field(() => [Int], { nullable: true, description: 'Shares of the limit at which its owner wants to be warned.' })
  warnAtPercent!: number[] | null;
}

@InputType({ description: 'What is to change of a quota.' })
export class UpdateQuotaInput extends UpdateLimitInput {
  @Field(() => BigIntString, { nullable: true, description: 'How much of its metric a window allows, in force at once.' })
  limit!: string | null;
}
