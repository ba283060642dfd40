/** The public shape of usage that could not be stored. */
import { Field, InputType, Int, ObjectType } from 'type-graphql';
import { DateTime } from '../graphql/scalars.ts';
import { UserError } from '../graphql/user-error.types.ts';

@ObjectType({ description: 'Usage events that were set aside for one reason.' })
export class UsageDeadLetterReason {
  @Field(() => String, { description: 'Why they cannot be stored.' })
  reason!: string;

  @Field(() => Int, { description: 'How many they are.' })
  count!: number;

  @Field(() => DateTime, { description: 'When the first of them was set aside.' })
  oldestAt!: Date;

  @Field(() => DateTime, { description: 'When the last of them was set aside.' })
  newestAt!: Date;
}

@ObjectType({ description: 'Usage events that could not be stored: nothing sums or lists them.' })
export class UsageDeadLetters {
  @Field(() => Int, { description: 'How many there are.' })
  count!: number;

  @Field(() => [UsageDeadLetterReason], { description: 'Why: the fifty most frequent reasons.' })
  reasons!: readonly UsageDeadLetterReason[];
}

@InputType({ description: 'Which usage events are tried again.' })
export class RetryDeadLettersInput {
  @Field(() => Int, { defaultValue: 1000, description: 'How many, 1,000 at most: those first that have not been tried for longest.' })
  most!: number;
}

@ObjectType({ description: 'What became of usage events that were tried again.' })
export class RetryDeadLettersPayload {
  @Field(() => Int, { nullable: true, description: 'How many were tried; null when the input was refused.' })
  retried!: number | null;

  @Field(() => Int, { nullable: true, description: 'Of them stored now.' })
  stored!: number | null;

  @Field(() => Int, { nullable: true, description: 'How many there still are, tried or not.' })
  left!: number | null;

  @Field(() => [UserError], { description: 'What is wrong with the input.' })
  userErrors!: UserError[];
}
