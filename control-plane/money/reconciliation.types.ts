/** The public shape of a comparison of counters, records and sums. */
import { Field, ObjectType } from 'type-graphql';
import { BigIntString, DateTime, NanoUsd } from '../graphql/scalars.ts';
import { LimitType } from './limit.types.ts';
import { Money } from './money.types.ts';

@ObjectType('UsageSum', { description: 'Requests, refused ones too, and what they cost.' })
export class UsageSumType {
  @Field(() => BigIntString, { description: 'Requests.' })
  calls!: string;

  @Field(() => Money, { description: 'What they cost.' })
  cost!: Money;
}

@ObjectType('RolledUpUsage', {
  description: 'What a limit looks at, of every day in UTC that its window touches, from three places. All say the same unless one was changed.',
})
export class RolledUpUsage {
  @Field(() => UsageSumType, { description: 'By the records.' })
  records!: UsageSumType;

  @Field(() => UsageSumType, { description: 'By the sums per hour.' })
  hours!: UsageSumType;

  @Field(() => UsageSumType, { description: 'By the sums per day.' })
  days!: UsageSumType;
}

@ObjectType('LimitReconciliation', {
  description:
    'What counters, records and sums said of a limit’s window when they were last compared, all at one moment. Amounts are in the unit of the limit.',
})
export class LimitReconciliationType {
  @Field(() => LimitType, { description: 'The budget or quota.' })
  limit!: LimitType;

  @Field(() => DateTime, { description: 'The first instant of the window.' })
  startsAt!: Date;

  @Field(() => DateTime, { description: 'The first instant after it.' })
  endsAt!: Date;

  @Field(() => DateTime, { description: 'When they were compared.' })
  checkedAt!: Date;

  @Field(() => BigIntString, { description: 'What the counters say was used.' })
  counted!: string;

  @Field(() => BigIntString, { description: 'What the records say, those that were on their way included.' })
  recorded!: string;

  @Field(() => BigIntString, {
    description: 'Of what was recorded, what calls used that the limit did not count: their node did not know it yet, or it was off.',
  })
  notCounted!: string;

  @Field(() => BigIntString, { description: 'What the counters say is held.' })
  reserved!: string;

  @Field(() => BigIntString, { description: 'What the calls under way hold.' })
  underWay!: string;

  @Field(() => RolledUpUsage, { description: 'The sums of usage beside the records that they are made of.' })
  rolledUp!: RolledUpUsage;

  @Field(() => NanoUsd, {
    description: 'The largest amount of money that nothing explains, in the counters of a budget or in the sums of any limit, without its sign: must be 0.',
  })
  unexplainedNanos!: string;

  @Field(() => Boolean, { description: 'Whether there is no difference at all, in numbers of requests and in what quotas hold as well.' })
  isExplained!: boolean;
}
