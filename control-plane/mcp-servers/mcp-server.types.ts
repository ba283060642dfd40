/** The public shape of servers: everything but their secrets. */
import { Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { DenialStyle, StdioIsolation, Transport } from '../../shared/mcp-server.ts';
import { SemanticFilterType } from '../content/content-filter.types.ts';
import { WebSearchPolicyType } from '../content/web-search.types.ts';
import { connectionOf } from '../graphql/connection.ts';
import { DateTime, JsonObject } from '../graphql/scalars.ts';
import { UserError } from '../graphql/user-error.types.ts';
import { Node } from '../nodes/node.types.ts';
import { DENIAL_STYLE } from '../organisations/organisation.types.ts';
import { TOOL_REVIEW } from '../tools/tool-enums.types.ts';
import { RULE_MODE } from './rule-mode.types.ts';
import { AuthConfig } from './server-auth.types.ts';
import { PricingType } from './server-pricing.types.ts';
import { ServerLimitsType } from './server-limits.types.ts';

export const TRANSPORT = { STREAMABLE_HTTP: 'STREAMABLE_HTTP', SSE: 'SSE', STDIO: 'STDIO' } as const;
registerEnumType(TRANSPORT, {
  name: 'McpTransport',
  description: 'How the tool server is reached. SSE is the HTTP+SSE transport of revision 2024-11-05: endpointUrl is where its event stream opens.',
});
export const STDIO_ISOLATION = { SHARED: 'SHARED', PER_SESSION: 'PER_SESSION' } as const;
registerEnumType(STDIO_ISOLATION, {
  name: 'StdioIsolation',
  description:
    'Who shares a process of a STDIO server: all callers, or nobody but one session of one key. A server that remembers its callers wants the second.',
});
export const SERVER_SCOPE = { ORGANISATION: 'ORGANISATION', TEAM: 'TEAM', API_KEY: 'API_KEY' } as const;
registerEnumType(SERVER_SCOPE, { name: 'ServerScope', description: 'Which granted keys may call: all, those of one team, or one.' });

export const SERVER_SOURCE = { CATALOG: 'CATALOG', MANUAL: 'MANUAL', FILE: 'FILE' } as const;
registerEnumType(SERVER_SOURCE, { name: 'McpServerSource', description: 'Where a server comes from: the catalogue, somebody’s own words, or a file.' });

@ObjectType('McpServer', { implements: Node, description: 'How to reach a tool server, and how to govern it.' })
export class McpServerType {
  @Field(() => ID, { description: 'Of the form `srv_…`; works in the gateway’s URL like the slug.' })
  id!: string;

  @Field(() => String, { description: 'Unique in the organisation, part of the gateway’s URL.' })
  slug!: string;

  @Field(() => String, { description: 'For people.' })
  name!: string;

  @Field(() => String, { nullable: true, description: 'For people.' })
  description?: string | null | undefined;

  @Field(() => TRANSPORT, { description: 'How it is reached.' })
  transport!: Transport;

  @Field(() => String, { nullable: true, description: 'Where it is reached over HTTP.' })
  endpointUrl?: string | null | undefined;

  @Field(() => String, { nullable: true, description: 'The program of a STDIO server.' })
  stdioCommand?: string | null | undefined;

  @Field(() => [String], { description: 'Its arguments.' })
  stdioArgs!: string[];

  @Field(() => [String], { description: 'Names of its environment variables; the values are secrets.' })
  stdioEnvKeys?: string[];

  @Field(() => STDIO_ISOLATION, { description: 'Who shares a process of a STDIO server.' })
  stdioIsolation!: StdioIsolation;

  @Field(() => AuthConfig, { description: 'How Turnpike signs in there.' })
  auth?: unknown;

  @Field(() => Boolean, { description: 'It is never enabled without complete OAuth 2.' })
  oauthRequired!: boolean;

  @Field(() => SERVER_SOURCE, { description: 'Where it comes from.' })
  source!: keyof typeof SERVER_SOURCE;

  @Field(() => Boolean, { description: 'Whether it may be called at all.' })
  enabled!: boolean;

  @Field(() => Boolean, { description: 'On the public Internet: connected to at public addresses only.' })
  isPublic!: boolean;

  @Field(() => SERVER_SCOPE, { description: 'Which granted keys may call.' })
  scope?: string;

  @Field(() => ID, { nullable: true, description: 'The team whose keys may call.' })
  teamId?: string | null | undefined;

  @Field(() => ID, { nullable: true, description: 'The one key that may call.' })
  apiKeyId?: string | null | undefined;

  @Field(() => [String], { description: 'The only tools that may be called; empty means any.' })
  allowedTools!: string[];

  @Field(() => [String], { description: 'Tools that may not be called, and are gone from lists.' })
  blockedTools!: string[];

  @Field(() => RULE_MODE, { description: 'Whether the tool rules refuse or only record.' })
  toolRulesMode!: 'ENFORCE' | 'OBSERVE';

  @Field(() => SemanticFilterType, { nullable: true, description: 'What messages must not hold; the filter of the organisation holds beside it.' })
  semanticFilter?: SemanticFilterType | null | undefined;

  @Field(() => WebSearchPolicyType, { nullable: true, description: 'Set for a server that searches the web: where it may lead.' })
  webSearchPolicy?: WebSearchPolicyType | null | undefined;

  @Field(() => PricingType, { description: 'What a call costs.' })
  pricing?: unknown;

  @Field(() => DENIAL_STYLE, { description: 'How refused calls are written.' })
  denialStyle!: DenialStyle;

  @Field(() => ServerLimitsType, { description: 'What it may take of time, bytes and processes.' })
  limits?: unknown;

  @Field(() => TOOL_REVIEW, { description: 'Which tools stay off until somebody has reviewed them.' })
  toolReview!: keyof typeof TOOL_REVIEW;

  @Field(() => RULE_MODE, { description: 'Whether a tool that has changed is hidden and refused, or only recorded.' })
  toolChangeMode!: keyof typeof RULE_MODE;

  @Field(() => Int, { nullable: true, description: 'How often its tools are discovered anew, in minutes; null for when somebody asks.' })
  toolDiscoveryMinutes?: number | null | undefined;

  @Field(() => DateTime, { nullable: true, description: 'When its tools were last looked at, whatever came of it.' })
  toolsCheckedAt?: Date | null | undefined;

  @Field(() => String, { nullable: true, description: 'What went wrong then.' })
  toolDiscoveryError?: string | null | undefined;

  @Field(() => DateTime, { nullable: true, description: 'The last recorded request to it, within a minute.' })
  lastUsedAt?: Date | null | undefined;

  @Field(() => String, { description: 'Where agents call it.' })
  gatewayUrl?: string;

  @Field(() => JsonObject, { description: 'Whatever its owner notes.' })
  metadata!: Record<string, unknown>;

  @Field(() => Int, { description: 'Grows with every change; give it as `expectedVersion`.' })
  version!: number;

  @Field(() => DateTime, { description: 'When it was made.' })
  createdAt!: Date;

  @Field(() => DateTime, { description: 'When it was last changed.' })
  updatedAt!: Date;
}

export const McpServerConnection = connectionOf('McpServer', () => McpServerType);

@ObjectType({ description: 'The server as it stands now.' })
export class ServerPayload {
  @Field(() => McpServerType, { nullable: true, description: 'Null when the input was refused.' })
  server!: McpServerType | null;

  @Field(() => [UserError], { description: 'What is wrong with the input.' })
  userErrors!: UserError[];
}
