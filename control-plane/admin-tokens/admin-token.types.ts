/** The public shape of administrators' tokens: a prefix, never a secret, but in the one answer that makes it. */
import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { PERMISSION } from '../access/permission.types.ts';
import type { Permission } from '../access/permissions.ts';
import { connectionOf } from '../graphql/connection.ts';
import { DateTime } from '../graphql/scalars.ts';
import { UserError } from '../graphql/user-error.types.ts';
import { Node } from '../nodes/node.types.ts';

@ObjectType('AdminToken', { implements: Node, description: 'A token with which a program uses this API.' })
export class AdminTokenType {
  @Field(() => ID, { description: 'Of the form `adm_…`.' })
  id!: string;

  @Field(() => String, { description: 'For people.' })
  name!: string;

  @Field(() => String, { description: 'The part of the token that may be seen: `tpa_…`.' })
  prefix!: string;

  @Field(() => [PERMISSION], { description: 'What it may do.' })
  permissions!: Permission[];

  @Field(() => ID, { nullable: true, description: 'The user or the token that made it; null for the first one.' })
  createdById?: string | null | undefined;

  @Field(() => DateTime, { nullable: true, description: 'When it ends.' })
  expiresAt?: Date | null | undefined;

  @Field(() => DateTime, { nullable: true, description: 'When it was revoked.' })
  revokedAt?: Date | null | undefined;

  @Field(() => DateTime, { description: 'When it was made.' })
  createdAt!: Date;
}

export const AdminTokenConnection = connectionOf('AdminToken', () => AdminTokenType);

@InputType('CreateAdminTokenInput', { description: 'A new token for a program.' })
export class CreateAdminTokenInputType {
  @Field(() => String, { description: 'For people.' })
  name!: string;

  @Field(() => [PERMISSION], { description: 'What it may do; nothing that whoever asks may not.' })
  permissions!: Permission[];

  @Field(() => DateTime, { nullable: true, description: 'When it ends.' })
  expiresAt!: Date | null;
}

@ObjectType({ description: 'The token as it stands now.' })
export class AdminTokenPayload {
  @Field(() => AdminTokenType, { nullable: true, description: 'Null when the input was refused.' })
  adminToken!: AdminTokenType | null;

  @Field(() => [UserError], { description: 'What is wrong with the input.' })
  userErrors!: UserError[];
}

@ObjectType({ description: 'The token with its secret, which is in this answer and nowhere else.' })
export class AdminTokenSecretPayload {
  @Field(() => AdminTokenType, { nullable: true, description: 'Null when the input was refused.' })
  adminToken!: AdminTokenType | null;

  @Field(() => String, { nullable: true, description: 'Shown this once: only a keyed hash is kept.' })
  secret!: string | null;

  @Field(() => [UserError], { description: 'What is wrong with the input.' })
  userErrors!: UserError[];
}
