/** The inputs of installs, and the public shape of requests to install. */
import { Field, ID, InputType, ObjectType, registerEnumType } from 'type-graphql';
import { connectionOf } from '../graphql/connection.ts';
import { DateTime, Secret } from '../graphql/scalars.ts';
import { UserError } from '../graphql/user-error.types.ts';
import { UserType } from '../members/user.types.ts';
import { AuthConfigInput } from '../mcp-servers/auth-inputs.types.ts';
import { McpServerType } from '../mcp-servers/mcp-server.types.ts';
import { ServerScopeInputType } from '../mcp-servers/server-inputs.types.ts';
import { Node } from '../nodes/node.types.ts';
import { CatalogEntryType } from './catalog.types.ts';
import type { InstallRequestState } from './install-request.entity.ts';

export const INSTALL_REQUEST_STATE = { PENDING: 'PENDING', APPROVED: 'APPROVED', REFUSED: 'REFUSED', WITHDRAWN: 'WITHDRAWN' } as const;
registerEnumType(INSTALL_REQUEST_STATE, { name: 'InstallRequestState', description: 'What has become of a request.' });

@InputType({ description: 'The value of a variable.' })
export class InstallVariableInput {
  @Field(() => String, { description: 'The variable.' })
  name!: string;

  @Field(() => Secret, { description: 'Its value; never shown where the variable is a secret.' })
  value!: string;
}

@InputType({ description: 'How an entry is installed.' })
export class InstallTermsInput {
  @Field(() => String, { nullable: true, description: 'The title of the entry when not given.' })
  name!: string | null;

  @Field(() => String, { nullable: true, description: 'That of the entry when not given.' })
  slug!: string | null;

  @Field(() => AuthConfigInput, { nullable: true, description: 'In the place of what the entry’s own header would say.' })
  auth!: AuthConfigInput | null;

  @Field(() => [InstallVariableInput], { nullable: true, description: 'What is filled in.' })
  variables!: InstallVariableInput[] | null;

  @Field(() => ServerScopeInputType, { nullable: true, description: 'Which granted keys may call.' })
  scope!: ServerScopeInputType | null;

  @Field(() => [ID], { nullable: true, description: 'Keys that may call it from the start; with GRANT_MANAGE.' })
  grantTo!: string[] | null;

  @Field(() => Boolean, { defaultValue: false, description: 'Whether it may be called at once.' })
  enabled!: boolean;
}

@InputType('InstallCatalogEntryInput', { description: 'Which entry is installed, and how.' })
export class InstallCatalogEntryInputType extends InstallTermsInput {
  @Field(() => ID, { description: 'The entry.' })
  entryId!: string;

  @Field(() => Boolean, { defaultValue: false, description: 'Answers what would be, and changes nothing.' })
  dryRun!: boolean;
}

@InputType('RequestInstallInput', { description: 'What somebody would like to have.' })
export class RequestInstallInputType {
  @Field(() => ID, { description: 'The entry.' })
  entryId!: string;

  @Field(() => String, { nullable: true, description: 'For whoever decides.' })
  reason!: string | null;
}

@InputType('DecideInstallRequestInput', { description: 'A decision.' })
export class DecideInstallRequestInputType {
  @Field(() => ID, { description: 'The request.' })
  id!: string;

  @Field(() => Boolean, { description: 'Installs the entry, or refuses.' })
  approve!: boolean;

  @Field(() => String, { nullable: true, description: 'For whoever asked.' })
  note!: string | null;

  @Field(() => InstallTermsInput, { nullable: true, description: 'How it is installed, when it is.' })
  install!: InstallTermsInput | null;

  @Field(() => Boolean, { defaultValue: false, description: 'Answers what would be, and changes nothing.' })
  dryRun!: boolean;
}

@ObjectType('InstallRequest', { implements: Node, description: 'What somebody who may not install would like to have.' })
export class InstallRequestType {
  @Field(() => ID, { description: 'Of the form `ins_…`.' })
  id!: string;

  @Field(() => CatalogEntryType, { nullable: true, description: 'Null once the entry is gone.' })
  entry?: CatalogEntryType | null;

  @Field(() => String, { description: 'What the entry was called then.' })
  entryTitle!: string;

  @Field(() => UserType, { nullable: true, description: 'Who asked.' })
  requestedBy?: UserType | null;

  @Field(() => String, { nullable: true, description: 'For whoever decides.' })
  reason?: string | null | undefined;

  @Field(() => INSTALL_REQUEST_STATE, { description: 'What has become of it.' })
  state!: InstallRequestState;

  @Field(() => UserType, { nullable: true, description: 'Who decided; null for a token.' })
  decidedBy?: UserType | null;

  @Field(() => DateTime, { nullable: true, description: 'When it was decided.' })
  decidedAt?: Date | null | undefined;

  @Field(() => String, { nullable: true, description: 'For whoever asked.' })
  decisionNote?: string | null | undefined;

  @Field(() => McpServerType, { nullable: true, description: 'What was installed, as long as it is there.' })
  server?: McpServerType | null;

  @Field(() => DateTime, { description: 'When it was asked.' })
  createdAt!: Date;
}

export const InstallRequestConnection = connectionOf('InstallRequest', () => InstallRequestType);

@ObjectType({ description: 'The request as it stands now.' })
export class InstallRequestPayload {
  @Field(() => InstallRequestType, { nullable: true, description: 'Null when the input was refused.' })
  request!: InstallRequestType | null;

  @Field(() => [UserError], { description: 'What is wrong with the input.' })
  userErrors!: UserError[];
}
