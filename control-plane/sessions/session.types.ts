/** The public shape of sessions, and of what signs somebody in or out. */
import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { DateTime, Secret } from '../graphql/scalars.ts';
import { UserError } from '../graphql/user-error.types.ts';
import { UserType } from '../members/user.types.ts';
import { Node } from '../nodes/node.types.ts';

@ObjectType('Session', { implements: Node, description: 'Where a person is signed in.' })
export class SessionType {
  @Field(() => ID, { description: 'Of the form `ses_…`.' })
  id!: string;

  @Field(() => String, { nullable: true, description: 'What the browser calls itself.' })
  client?: string | null | undefined;

  @Field(() => String, { description: 'The network address that it began from.' })
  address!: string;

  @Field(() => Boolean, { description: 'It is the one that asks.' })
  current?: boolean;

  @Field(() => DateTime, { description: 'When it began.' })
  createdAt!: Date;

  @Field(() => DateTime, { description: 'When it was last used, within a minute.' })
  lastSeenAt!: Date;

  @Field(() => DateTime, { description: 'When it ends at the latest; twelve hours without use end it before.' })
  expiresAt!: Date;
}

@InputType('SignInInput', { description: 'Who wants to sign in.' })
export class SignInInputType {
  @Field(() => String, { description: 'The address of the account.' })
  email!: string;

  @Field(() => Secret, { description: 'The password.' })
  password!: string;

  @Field(() => String, { nullable: true, description: 'The slug of the organisation; needed only where the address has accounts in several.' })
  organisation!: string | null;
}

@InputType('ChangePasswordInput', { description: 'A new password for whoever knows the current one.' })
export class ChangePasswordInputType {
  @Field(() => Secret, { description: 'The password as it is.' })
  currentPassword!: string;

  @Field(() => Secret, { description: 'At least 12 characters.' })
  newPassword!: string;
}

@InputType('AcceptInvitationInput', { description: 'What makes an account of an invitation.' })
export class AcceptInvitationInputType {
  @Field(() => Secret, { description: 'The token of the invitation: `tpi_…`.' })
  token!: string;

  @Field(() => String, { description: 'The person’s name.' })
  name!: string;

  @Field(() => Secret, { description: 'At least 12 characters.' })
  password!: string;
}

@InputType('SetUpInput', { description: 'Who is the first administrator.' })
export class SetUpInputType {
  @Field(() => Secret, { description: 'The token of the setup link: `tpi_…`.' })
  token!: string;

  @Field(() => String, { description: 'The person’s address.' })
  email!: string;

  @Field(() => String, { description: 'The person’s name.' })
  name!: string;

  @Field(() => Secret, { description: 'At least 12 characters.' })
  password!: string;
}

@ObjectType({ description: 'Who is signed in now: the answer sets the cookie.' })
export class SignInPayload {
  @Field(() => UserType, { nullable: true, description: 'Null when nobody was signed in.' })
  user!: UserType | null;

  @Field(() => [UserError], { description: 'What is wrong with the input.' })
  userErrors!: UserError[];
}

@ObjectType({ description: 'Sessions that are over.' })
export class EndedSessionsPayload {
  @Field(() => [ID], { description: 'Those that this ended.' })
  endedSessionIds!: string[];

  @Field(() => [UserError], { description: 'What is wrong with the input.' })
  userErrors!: UserError[];
}
