/** The public shape of what is told of the API itself. */
import { Field, ObjectType } from 'type-graphql';

@ObjectType({ description: 'What this API is.' })
export class SchemaInfo {
  @Field(() => String, { description: 'The version of the product.' })
  version!: string;

  @Field(() => String, { description: 'Twelve hex digits that change whenever the schema does.' })
  build!: string;

  @Field(() => [String], { description: 'Each with the reason and what takes its place.' })
  deprecations!: string[];
}
