/** The public shape of grants. */
import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { connectionOf } from '../graphql/connection.ts';
import { DateTime } from '../graphql/scalars.ts';
import { UserType } from '../members/user.types.ts';
import { UserError } from '../graphql/user-error.types.ts';
import { Node } from '../nodes/node.types.ts';

@ObjectType('AccessGrant', { implements: Node, description: 'This key may call this server.' })
export class AccessGrantType {
  @Field(() => ID, { description: 'Of the form `grt_…`.' })
  id!: string;

  @Field(() => ID, { description: 'The key.' })
  apiKeyId!: string;

  @Field(() => ID, { description: 'The server.' })
  mcpServerId!: string;

  @Field(() => [String], { nullable: true, description: 'The only tools that the key may call there; null leaves it to the server’s rules.' })
  toolsAllowed?: string[] | null | undefined;

  @Field(() => DateTime, { nullable: true, description: 'When it ends.' })
  expiresAt?: Date | null | undefined;

  @Field(() => String, { nullable: true, description: 'Why it was given.' })
  note?: string | null | undefined;

  @Field(() => UserType, { nullable: true, description: 'Who gave it; null for a token, and for somebody who is gone.' })
  createdBy?: unknown;

  @Field(() => DateTime, { description: 'When it was given.' })
  createdAt!: Date;
}

export const AccessGrantConnection = connectionOf('AccessGrant', () => AccessGrantType);

@InputType('GrantInput', { description: 'A grant; one that exists for the pair is changed.' })
export class GrantInputType {
  @Field(() => ID, { description: 'The key.' })
  apiKeyId!: string;

  @Field(() => ID, { description: 'The server.' })
  serverId!: string;

  @Field(() => [String], { nullable: true, description: 'The only tools that the key may call there.' })
  toolsAllowed!: string[] | null;

  @Field(() => DateTime, { nullable: true, description: 'When it ends.' })
  expiresAt!: Date | null;

  @Field(() => String, { nullable: true, description: 'Why it is given.' })
  note!: string | null;
}

@InputType({ description: 'Grants to give and to take away, all of it or nothing.' })
export class SetGrantsInput {
  @Field(() => [GrantInputType], { nullable: true, description: 'To give.' })
  add!: GrantInputType[] | null;

  @Field(() => [ID], { nullable: true, description: 'To take away, by id.' })
  remove!: string[] | null;

  @Field(() => Boolean, { defaultValue: false, description: 'Answers what would be, and changes nothing.' })
  dryRun!: boolean;
}

@ObjectType({ description: 'The grants that were given and taken away.' })
export class GrantsPayload {
  @Field(() => [AccessGrantType], { description: 'As they stand now.' })
  grants!: AccessGrantType[];

  @Field(() => [ID], { description: 'Taken away.' })
  removedIds!: string[];

  @Field(() => [UserError], { description: 'What is wrong with the input.' })
  userErrors!: UserError[];
}
