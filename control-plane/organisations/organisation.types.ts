/** The public shape of the organisation and of whoever looks at it. */
import { Field, ID, ObjectType, registerEnumType } from 'type-graphql';
import { PERMISSIONS, type Permission } from '../access/permissions.ts';
import { DateTime } from '../graphql/scalars.ts';
import { TeamConnection } from '../teams/team.types.ts';

export const DENIAL_STYLE = { AUTO: 'AUTO', HTTP_STATUS: 'HTTP_STATUS', JSONRPC_ERROR: 'JSONRPC_ERROR', TOOL_RESULT: 'TOOL_RESULT' } as const;
registerEnumType(DENIAL_STYLE, { name: 'DenialStyle', description: 'How a refused call is written.' });

const PERMISSION = Object.fromEntries(PERMISSIONS.map((permission) => [permission, permission]));
registerEnumType(PERMISSION, { name: 'Permission', description: 'What a token may do.' });

@ObjectType('Organisation', { description: 'The tenant: nothing is visible or countable across it.' })
export class OrganisationType {
  @Field(() => ID, { description: 'Of the form `org_…`.' })
  id!: string;

  @Field(() => String, { description: 'Unique.' })
  slug!: string;

  @Field(() => String, { description: 'For people.' })
  name!: string;

  @Field(() => TeamConnection, { description: 'Its teams, oldest first.' })
  teams?: unknown;

  @Field(() => DateTime, { description: 'When it was made.' })
  createdAt!: Date;

  @Field(() => DateTime, { description: 'When it was last changed.' })
  updatedAt!: Date;
}

@ObjectType({ description: 'Who is asking.' })
export class Viewer {
  @Field(() => OrganisationType, { description: 'The organisation that the token belongs to.' })
  organisation!: OrganisationType;

  @Field(() => [PERMISSION], { description: 'What the token may do.' })
  permissions!: Permission[];
}
