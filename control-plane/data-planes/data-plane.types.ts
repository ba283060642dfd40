/** The public shape of data planes, and what they say of themselves. */
import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { BigIntString, DateTime } from '../graphql/scalars.ts';
import { UserError } from '../graphql/user-error.types.ts';
import { Node } from '../nodes/node.types.ts';

@ObjectType('DataPlane', { implements: Node, description: 'A gateway node.' })
export class DataPlaneType {
  @Field(() => ID, { description: 'Of the form `dpl_…`.' })
  id!: string;

  @Field(() => String, { description: 'Host and port.' })
  name!: string;

  @Field(() => String, { nullable: true, description: 'Where it runs, if it says so.' })
  region?: string | null | undefined;

  @Field(() => String, { description: 'Its version of Turnpike.' })
  version!: string;

  @Field(() => BigIntString, { description: 'The configuration that it has applied.' })
  configVersion!: string;

  @Field(() => BigIntString, { description: 'How many versions it is behind.' })
  configLag?: string;

  @Field(() => BigIntString, { nullable: true, description: 'A configuration that it refused, until it applies a later one.' })
  refusedVersion?: string | null | undefined;

  @Field(() => String, { nullable: true, description: 'Why it refused it.' })
  refusedReason?: string | null | undefined;

  @Field(() => Boolean, { description: 'Whether it takes requests and was heard of lately.' })
  ready!: boolean;

  @Field(() => Int, { description: 'Requests under way when it was last heard of.' })
  inFlight!: number;

  @Field(() => [String], { description: 'Where it listens.' })
  endpoints!: string[];

  @Field(() => DateTime, { description: 'When it was first heard of.' })
  startedAt!: Date;

  @Field(() => DateTime, { description: 'When it was last heard of.' })
  lastSeenAt!: Date;
}

@InputType({ description: 'A node says that it is there.' })
export class DataPlaneHelloInput {
  @Field(() => String, { description: 'Host and port; the same after a restart.' })
  name!: string;

  @Field(() => String, { nullable: true, description: 'Where it runs.' })
  region!: string | null;

  @Field(() => String, { description: 'Its version of Turnpike.' })
  version!: string;

  @Field(() => BigIntString, { description: 'The configuration in force there.' })
  configVersion!: string;

  @Field(() => Boolean, { description: 'Whether it takes requests.' })
  ready!: boolean;

  @Field(() => Int, { description: 'Requests under way.' })
  inFlight!: number;

  @Field(() => [String], { description: 'Where it listens.' })
  endpoints!: string[];
}

@InputType({ description: 'A node says what became of a configuration.' })
export class AcknowledgeConfigInput {
  @Field(() => ID, { description: 'The node.' })
  dataPlaneId!: string;

  @Field(() => BigIntString, { description: 'The configuration.' })
  version!: string;

  @Field(() => String, { nullable: true, description: 'Why it was refused; null when it is in force.' })
  refusedReason!: string | null;
}

@ObjectType({ description: 'The node as it is known now.' })
export class DataPlanePayload {
  @Field(() => DataPlaneType, { nullable: true, description: 'Null when the input was refused.' })
  dataPlane!: DataPlaneType | null;

  @Field(() => [UserError], { description: 'What is wrong with the input.' })
  userErrors!: UserError[];
}
