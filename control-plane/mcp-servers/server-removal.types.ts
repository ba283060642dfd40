/** The public shape of removing a server. */
import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { BigIntString, DateTime } from '../graphql/scalars.ts';
import { UserError } from '../graphql/user-error.types.ts';

@InputType({ description: 'Which server goes.' })
export class DeleteServerInput {
  @Field(() => ID, { description: 'The server.' })
  id!: string;

  @Field(() => Int, { nullable: true, description: 'Refused with STALE_VERSION when the server has another version.' })
  expectedVersion!: number | null;

  @Field(() => Boolean, { defaultValue: false, description: 'Answers what would go with it, and changes nothing.' })
  dryRun!: boolean;
}

@ObjectType({ description: 'What goes with a server, and what loses by it.' })
export class ServerRemovalImpact {
  @Field(() => Int, { description: 'Grants for it, which go.' })
  grants!: number;

  @Field(() => Int, { description: 'Keys that may call no other server.' })
  keysLeftWithout!: number;

  @Field(() => Int, { description: 'Budgets that are its own or narrowed to it, which go.' })
  budgets!: number;

  @Field(() => Int, { description: 'Quotas that are its own or narrowed to it, which go.' })
  quotas!: number;

  @Field(() => Boolean, { description: 'Whether it has a policy, which goes.' })
  hasPolicy!: boolean;

  @Field(() => Int, { description: 'What is known of its tools, which goes.' })
  tools!: number;

  @Field(() => Int, { description: 'Agents that are mapped to it, whose mapping to it goes.' })
  agents!: number;

  @Field(() => Int, { description: 'Requests that it was installed for, which stay.' })
  installRequests!: number;

  @Field(() => BigIntString, { nullable: true, description: 'Requests to it in the last 30 days; null without USAGE_READ.' })
  calls30d!: string | null;

  @Field(() => DateTime, { nullable: true, description: 'The last recorded request to it, within a minute.' })
  lastUsedAt!: Date | null;
}

@ObjectType({ description: 'What has gone, or would go.' })
export class DeleteServerPayload {
  @Field(() => ID, { nullable: true, description: 'Null in a dry run, and when the input was refused.' })
  deletedId!: string | null;

  @Field(() => ServerRemovalImpact, { nullable: true, description: 'Null when the input was refused.' })
  impact!: ServerRemovalImpact | null;

  @Field(() => [UserError], { description: 'What is wrong with the input.' })
  userErrors!: UserError[];
}
