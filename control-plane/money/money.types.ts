/** The public shape of an amount of money. */
import { Field, ObjectType } from 'type-graphql';
import { NanoUsd } from '../graphql/scalars.ts';

@ObjectType({ description: 'An amount of money.' })
export class Money {
  @Field(() => NanoUsd, { description: 'In nano-USD.' })
  nanosUsd!: string;

  @Field(() => String, { description: 'In dollars, exact.' })
  usd!: string;
}
