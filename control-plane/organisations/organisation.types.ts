/** The public shape of the organisation and of whoever looks at it. */
import { Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { UnknownClients } from '../../shared/agent.ts';
import { PERMISSION } from '../access/permission.types.ts';
import type { Permission } from '../access/permissions.ts';
import { SemanticFilterType } from '../content/content-filter.types.ts';
import { DateTime } from '../graphql/scalars.ts';
import { UserError } from '../graphql/user-error.types.ts';
import { UserType } from '../members/user.types.ts';
import { Node } from '../nodes/node.types.ts';
import { TeamConnection } from '../teams/team.types.ts';

export const DENIAL_STYLE = { AUTO: 'AUTO', HTTP_STATUS: 'HTTP_STATUS', JSONRPC_ERROR: 'JSONRPC_ERROR', TOOL_RESULT: 'TOOL_RESULT' } as const;
registerEnumType(DENIAL_STYLE, { name: 'DenialStyle', description: 'How a refused call is written.' });

export const UNKNOWN_CLIENTS = { ALLOW: 'ALLOW', OBSERVE: 'OBSERVE', DENY: 'DENY' } as const satisfies { [Each in UnknownClients]: Each };
registerEnumType(UNKNOWN_CLIENTS, {
  name: 'UnknownClients',
  description: 'ALLOW: what their keys may call. OBSERVE: the same, and the record says that DENY would have refused it. DENY: nothing.',
});

@ObjectType('Organisation', { implements: Node, description: 'The tenant: nothing is visible or countable across it.' })
export class OrganisationType {
  @Field(() => ID, { description: 'Of the form `org_…`.' })
  id!: string;

  @Field(() => String, { description: 'Unique.' })
  slug!: string;

  @Field(() => String, { description: 'For people.' })
  name!: string;

  @Field(() => UNKNOWN_CLIENTS, { description: 'What clients get that count as no agent, with keys that are bound to none.' })
  unknownClients!: UnknownClients;

  @Field(() => Int, { description: 'Grows with every change; give it as `expectedVersion`.' })
  version!: number;

  @Field(() => TeamConnection, { description: 'Its teams, oldest first.' })
  teams?: unknown;

  @Field(() => SemanticFilterType, { nullable: true, description: 'What messages must not hold at any of its servers.' })
  semanticFilter?: SemanticFilterType | null | undefined;

  @Field(() => DateTime, { description: 'When it was made.' })
  createdAt!: Date;

  @Field(() => DateTime, { description: 'When it was last changed.' })
  updatedAt!: Date;
}

@ObjectType({ description: 'Who is asking.' })
export class Viewer {
  @Field(() => UserType, { nullable: true, description: 'The person who has signed in; null for a token.' })
  user!: UserType | null;

  @Field(() => OrganisationType, { description: 'The organisation that the person or the token belongs to.' })
  organisation!: OrganisationType;

  @Field(() => [PERMISSION], { description: 'What the person or the token may do.' })
  permissions!: Permission[];
}

@InputType({ description: 'What clients get that count as no agent.' })
export class SetUnknownClientsInput {
  @Field(() => UNKNOWN_CLIENTS, { description: 'What they get.' })
  unknownClients!: UnknownClients;

  @Field(() => Int, { nullable: true, description: 'Refused with STALE_VERSION when the organisation has another version.' })
  expectedVersion!: number | null;

  @Field(() => Boolean, { defaultValue: false, description: 'Answers what would be, and changes nothing.' })
  dryRun!: boolean;
}

@ObjectType({ description: 'The organisation as it stands now.' })
export class OrganisationPayload {
  @Field(() => OrganisationType, { nullable: true, description: 'Null when the input was refused.' })
  organisation!: OrganisationType | null;

  @Field(() => [UserError], { description: 'What is wrong with the input.' })
  userErrors!: UserError[];
}
