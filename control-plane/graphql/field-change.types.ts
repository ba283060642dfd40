/** The public shape of what a change touches. */
import { Field, ObjectType } from 'type-graphql';
import { Json } from './scalars.ts';

@ObjectType('FieldChange', { description: 'A field that a change touches.' })
export class FieldChangeType {
  @Field(() => String, { description: 'Where in the object, with dots.' })
  path!: string;

  @Field(() => Json, { nullable: true, description: 'Null where there was nothing.' })
  before!: unknown;

  @Field(() => Json, { nullable: true, description: 'Null where nothing is left.' })
  after!: unknown;
}
