/** The public shape of a look at a server. */
import { Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { Transport } from '../../shared/mcp-server.ts';
import { Json, JsonObject } from '../graphql/scalars.ts';
import { UserError } from '../graphql/user-error.types.ts';
import { AuthConfigInput, SecretEntryInput } from '../mcp-servers/auth-inputs.types.ts';
import { TRANSPORT } from '../mcp-servers/mcp-server.types.ts';
import { TOOL_FLAG, TOOL_RISK } from '../tools/tool-enums.types.ts';

export const AUTH_NEED = { NONE: 'NONE', ACCEPTED: 'ACCEPTED', BEARER: 'BEARER', BASIC: 'BASIC', OAUTH2: 'OAUTH2', UNKNOWN: 'UNKNOWN' } as const;
registerEnumType(AUTH_NEED, {
  name: 'McpAuthNeed',
  description:
    'What a server asks of its callers. NONE: nothing. ACCEPTED: what it was given was enough. OAUTH2: a token of the authorisation server in `oauthMetadata`. UNKNOWN: it did not come to that.',
});

@ObjectType({ description: 'One thing that was tried.' })
export class ProbeStep {
  @Field(() => String, {
    description:
      'Such as `streamable-http`, `streamable-http-without-session` (revision 2026-07-28), `sse`, `stdio`, `challenge`, `protected-resource`, `authorisation-server` or `tools`.',
  })
  name!: string;

  @Field(() => Boolean, { description: 'Whether it led somewhere.' })
  ok!: boolean;

  @Field(() => String, { description: 'What came of it, for a person.' })
  detail!: string;

  @Field(() => Int, { description: 'How long it took, in milliseconds.' })
  durationMs!: number;
}

@ObjectType({ description: 'A tool that the server lists.' })
export class ProbedToolType {
  @Field(() => String, { description: 'By which it is called.' })
  name!: string;

  @Field(() => String, { nullable: true, description: 'What models read of it.' })
  description!: string | null;

  @Field(() => TOOL_RISK, { description: 'By its hints, else by its name.' })
  risk!: keyof typeof TOOL_RISK;

  @Field(() => [TOOL_FLAG], { description: 'What to look at twice.' })
  flags!: readonly (keyof typeof TOOL_FLAG)[];
}

@ObjectType({ description: 'What a look at a server has found. Secrets that it repeats are taken out.' })
export class ProbeResult {
  @Field(() => Boolean, { description: 'Whether a transport reached it.' })
  reachable!: boolean;

  @Field(() => TRANSPORT, { nullable: true, description: 'The transport that did.' })
  transport!: Transport | null;

  @Field(() => String, { nullable: true, description: 'The revision of MCP that was agreed on.' })
  protocolVersion!: string | null;

  @Field(() => JsonObject, { nullable: true, description: 'What it says of itself.' })
  serverInfo!: unknown;

  @Field(() => AUTH_NEED, { description: 'What it asks of its callers.' })
  auth!: keyof typeof AUTH_NEED;

  @Field(() => Json, { nullable: true, description: '`protectedResource` (RFC 9728) and `authorisationServer` (RFC 8414).' })
  oauthMetadata!: unknown;

  @Field(() => [ProbedToolType], { description: 'Its tools, as far as they could be read.' })
  tools!: readonly ProbedToolType[];

  @Field(() => [ProbeStep], { description: 'Everything that was tried, in order.' })
  steps!: readonly ProbeStep[];

  @Field(() => [String], { description: 'What to think about before it is used.' })
  warnings!: readonly string[];
}

@ObjectType({ description: 'What a look at a server has found.' })
export class ProbeServerPayload {
  @Field(() => ProbeResult, { nullable: true, description: 'Null when the input was refused.' })
  probe!: ProbeResult | null;

  @Field(() => [UserError], { description: 'What is wrong with the input.' })
  userErrors!: UserError[];
}

@InputType({ description: 'A saved server, or one as it might be.' })
export class ProbeServerInput {
  @Field(() => ID, { nullable: true, description: 'A saved server, looked at with its own secrets; nothing else is then given.' })
  serverId!: string | null;

  @Field(() => TRANSPORT, { nullable: true, description: 'How it is reached; found out when not given.' })
  transport!: Transport | null;

  @Field(() => String, { nullable: true, description: 'Where it is reached over HTTP.' })
  endpointUrl!: string | null;

  @Field(() => String, { nullable: true, description: 'The program of a STDIO server, which the operator must allow.' })
  stdioCommand!: string | null;

  @Field(() => [String], { nullable: true, description: 'Its arguments.' })
  stdioArgs!: string[] | null;

  @Field(() => [SecretEntryInput], { nullable: true, description: 'Its environment.' })
  stdioEnv!: SecretEntryInput[] | null;

  @Field(() => AuthConfigInput, { nullable: true, description: 'How Turnpike would sign in there.' })
  auth!: AuthConfigInput | null;

  @Field(() => Boolean, { nullable: true, description: 'On the public Internet: connected to at public addresses only. False when not given.' })
  isPublic!: boolean | null;
}
