/** The public shape of members and invitations. */
import { Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { connectionOf } from '../graphql/connection.ts';
import { DateTime } from '../graphql/scalars.ts';
import { UserError } from '../graphql/user-error.types.ts';
import { Node } from '../nodes/node.types.ts';

export const MEMBERSHIP_STATE = { ACTIVE: 'ACTIVE', SUSPENDED: 'SUSPENDED' } as const;
registerEnumType(MEMBERSHIP_STATE, { name: 'MembershipState', description: 'SUSPENDED: the person cannot sign in, until somebody lets him.' });

@ObjectType('Membership', { implements: Node, description: 'What a person is in the organisation.' })
export class MembershipType {
  @Field(() => ID, { description: 'Of the form `mem_…`.' })
  id!: string;

  @Field(() => MEMBERSHIP_STATE, { description: 'Whether the person may sign in.' })
  state!: string;

  @Field(() => Int, { description: 'Grows with every change; give it as `expectedVersion`.' })
  version!: number;

  @Field(() => DateTime, { description: 'When the person became a member.' })
  createdAt!: Date;

  @Field(() => DateTime, { description: 'When it was last changed.' })
  updatedAt!: Date;
}

export const MembershipConnection = connectionOf('Membership', () => MembershipType);

@ObjectType('Invitation', { implements: Node, description: 'An invitation that nobody has accepted yet.' })
export class InvitationType {
  @Field(() => ID, { description: 'Of the form `inv_…`.' })
  id!: string;

  @Field(() => String, { nullable: true, description: 'Who is invited.' })
  email?: string | null | undefined;

  @Field(() => DateTime, { description: 'Until when it can be accepted.' })
  expiresAt!: Date;

  @Field(() => DateTime, { description: 'When it was made.' })
  createdAt!: Date;
}

export const InvitationConnection = connectionOf('Invitation', () => InvitationType);

@InputType('InviteMemberInput', { description: 'Whom to invite, and as what.' })
export class InviteMemberInputType {
  @Field(() => String, { description: 'The person’s address.' })
  email!: string;

  @Field(() => ID, { description: 'A role that allows nothing that whoever asks may not do.' })
  roleId!: string;

  @Field(() => ID, { nullable: true, description: 'The team that the person belongs to.' })
  teamId!: string | null;
}

@InputType('UpdateMemberInput', { description: 'Changes of a membership; what is not given stays as it is.' })
export class UpdateMemberInputType {
  @Field(() => ID, { description: 'The membership.' })
  id!: string;

  @Field(() => ID, { nullable: true, description: 'A role that allows nothing that whoever asks may not do.' })
  roleId!: string | null;

  @Field(() => ID, { nullable: true, description: 'The team that the person belongs to; null takes him out of any.' })
  teamId?: string | null;

  @Field(() => Boolean, { nullable: true, description: 'True ends every session of the person, and lets him begin none.' })
  suspended!: boolean | null;

  @Field(() => Int, { nullable: true, description: 'Refused with STALE_VERSION when the membership has another version.' })
  expectedVersion!: number | null;
}

@ObjectType({ description: 'The membership as it stands now.' })
export class MembershipPayload {
  @Field(() => MembershipType, { nullable: true, description: 'Null when the input was refused.' })
  membership!: MembershipType | null;

  @Field(() => [UserError], { description: 'What is wrong with the input.' })
  userErrors!: UserError[];
}

@ObjectType({ description: 'The invitation with its token, which is in this answer and nowhere else.' })
export class InvitationTokenPayload {
  @Field(() => InvitationType, { nullable: true, description: 'Null when the input was refused.' })
  invitation!: InvitationType | null;

  @Field(() => String, { nullable: true, description: 'Shown this once, for whoever is invited: `tpi_…`.' })
  token!: string | null;

  @Field(() => [UserError], { description: 'What is wrong with the input.' })
  userErrors!: UserError[];
}
