/** The public shape of roles. */
import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import type { Permission } from '../access/permissions.ts';
import { PERMISSION } from '../access/permission.types.ts';
import { UserError } from '../graphql/user-error.types.ts';
import { Node } from '../nodes/node.types.ts';

@ObjectType('Role', { implements: Node, description: 'A name for what somebody may do.' })
export class RoleType {
  @Field(() => ID, { description: 'Of the form `rol_…`; a role that comes with the product has its name.' })
  id!: string;

  @Field(() => String, { description: 'Unique in the organisation.' })
  name!: string;

  @Field(() => [PERMISSION], { description: 'What it allows.' })
  permissions!: readonly Permission[];

  @Field(() => Boolean, { description: 'It comes with the product, and stays as it is.' })
  builtIn!: boolean;

  @Field(() => Int, { description: 'Grows with every change; give it as `expectedVersion`.' })
  version!: number;
}

@InputType('CreateRoleInput', { description: 'A new role.' })
export class CreateRoleInputType {
  @Field(() => String, { description: 'Unique in the organisation.' })
  name!: string;

  @Field(() => [PERMISSION], { description: 'What it allows; nothing that whoever asks may not do.' })
  permissions!: Permission[];
}

@InputType('UpdateRoleInput', { description: 'Changes of a role; what is not given stays as it is.' })
export class UpdateRoleInputType {
  @Field(() => ID, { description: 'The role.' })
  id!: string;

  @Field(() => String, { nullable: true, description: 'Unique in the organisation.' })
  name!: string | null;

  @Field(() => [PERMISSION], { nullable: true, description: 'What it allows; nothing that whoever asks may not do.' })
  permissions!: Permission[] | null;

  @Field(() => Int, { nullable: true, description: 'Refused with STALE_VERSION when the role has another version.' })
  expectedVersion!: number | null;
}

@ObjectType({ description: 'The role as it stands now.' })
export class RolePayload {
  @Field(() => RoleType, { nullable: true, description: 'Null when the input was refused.' })
  role!: RoleType | null;

  @Field(() => [UserError], { description: 'What is wrong with the input.' })
  userErrors!: UserError[];
}
