/** The public shape of live sums. */
import { Field, Int, ObjectType } from 'type-graphql';
import { DateTime } from '../graphql/scalars.ts';
import { UsageTotals } from './usage-analytics.types.ts';

@ObjectType({ description: 'What one group used while a frame lasted.' })
export class UsageTickSeries {
  @Field(() => String, { description: 'The group’s value, empty for what has none.' })
  key!: string;

  @Field(() => String, { description: 'What people call it.' })
  label!: string;

  @Field(() => UsageTotals, { description: 'Its sums.' })
  totals!: UsageTotals;
}

@ObjectType({ description: 'What was recorded since the frame before. Every record is in one frame.' })
export class UsageTick {
  @Field(() => String, { description: 'Give it as `after` to go on behind this frame.' })
  cursor!: string;

  @Field(() => DateTime, { description: 'When the frame ended.' })
  at!: Date;

  @Field(() => Int, { description: 'How long it lasted: longer than asked for when its reader is slow.' })
  windowMs!: number;

  @Field(() => UsageTotals, { description: 'Of all groups.' })
  totals!: UsageTotals;

  @Field(() => [UsageTickSeries], { description: 'The groups with the most calls first; none without `groupBy`.' })
  series!: UsageTickSeries[];

  @Field(() => Boolean, { description: 'More was recorded than a frame sums, so that only the newest of it is in: `usageAnalytics` knows the rest.' })
  truncated!: boolean;
}
