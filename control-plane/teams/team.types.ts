/** The public shape of teams. */
import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { connectionOf } from '../graphql/connection.ts';
import { DateTime } from '../graphql/scalars.ts';
import { UserError } from '../graphql/user-error.types.ts';
import { Node } from '../nodes/node.types.ts';

@ObjectType('Team', { implements: Node, description: 'A part of the organisation that keys and servers may belong to.' })
export class TeamType {
  @Field(() => ID, { description: 'Of the form `tea_…`.' })
  id!: string;

  @Field(() => String, { description: 'Unique in the organisation.' })
  slug!: string;

  @Field(() => String, { description: 'For people.' })
  name!: string;

  @Field(() => DateTime, { description: 'When it was made.' })
  createdAt!: Date;

  @Field(() => DateTime, { description: 'When it was last changed.' })
  updatedAt!: Date;
}

export const TeamConnection = connectionOf('Team', () => TeamType);

@InputType('UpsertTeamInput', { description: 'A new team, or changes of one.' })
export class UpsertTeamInputType {
  @Field(() => ID, { nullable: true, description: 'The team to change; none makes a new one.' })
  id!: string | null;

  @Field(() => String, { description: 'For people.' })
  name!: string;

  @Field(() => String, { nullable: true, description: 'Made from the name when it is not given.' })
  slug!: string | null;
}

@ObjectType({ description: 'The team as it stands now.' })
export class TeamPayload {
  @Field(() => TeamType, { nullable: true, description: 'Null when the input was refused.' })
  team!: TeamType | null;

  @Field(() => [UserError], { description: 'What is wrong with the input.' })
  userErrors!: UserError[];
}
