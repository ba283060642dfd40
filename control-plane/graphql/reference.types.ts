/** The input that names one object which has no versions. */
import { Field, ID, InputType } from 'type-graphql';

@InputType({ description: 'Which object.' })
export class ReferenceInput {
  @Field(() => ID, { description: 'The object.' })
  id!: string;
}
