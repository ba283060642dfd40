/** The public shape of a person's account. */
import { Field, ID, ObjectType } from 'type-graphql';
import { Node } from '../nodes/node.types.ts';

@ObjectType('User', { implements: Node, description: 'A person’s account, which belongs to one organisation.' })
export class UserType {
  @Field(() => ID, { description: 'Of the form `usr_…`.' })
  id!: string;

  @Field(() => String, { description: 'The address to sign in with, in lower case.' })
  email!: string;

  @Field(() => String, { description: 'For people.' })
  name!: string;

  @Field(() => String, { description: 'What is behind the @ of the address.' })
  domain?: string;
}
