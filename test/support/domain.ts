/** Builders of configuration for tests and benchmarks: whatever is not said is what most servers and keys have. */
import type { AccessGrant } from '../../shared/access-grant.ts';
import type { Agent } from '../../shared/agent.ts';
import type { ApiKey } from '../../shared/api-key.ts';
import type { ConfigUpsert, OrganisationConfig, PolicyConfig } from '../../shared/config-document.ts';
import { newId } from '../../shared/ids.ts';
import type { Limit } from '../../shared/limit.ts';
import type { McpServer } from '../../shared/mcp-server.ts';
import { FREE } from '../../shared/pricing.ts';
import { mintToken, type TokenHasher } from '../../shared/token.ts';

export function organisation(): OrganisationConfig {
  const id = newId('organisation');
  return { id, slug: id.slice(-8), denialStyle: 'AUTO', unknownClients: 'ALLOW', semanticFilter: null };
}

/** The key as a data plane knows it, and the token that opens it. */
export function apiKey(organisationId: string, hasher: TokenHasher, given: Partial<ApiKey> = {}): { key: ApiKey; token: string } {
  const { token, prefix } = mintToken('apiKey');
  const key: ApiKey = {
    id: newId('apiKey'),
    organisationId,
    type: 'ORGANISATION',
    name: 'agent',
    prefix,
    teamId: null,
    userId: null,
    userDomain: null,
    hashes: [{ hash: hasher.hash(token), validUntilMillis: null }],
    state: 'ACTIVE',
    expiresAtMillis: null,
    denialStyle: null,
    agentId: null,
    ...given,
  };
  return { key, token };
}

export function mcpServer(organisationId: string, given: Partial<McpServer> = {}): McpServer {
  return {
    id: newId('mcpServer'),
    organisationId,
    slug: 'tools',
    name: 'tools',
    transport: 'STREAMABLE_HTTP',
    endpointUrl: 'http://127.0.0.1:9/mcp',
    stdioCommand: null,
    stdioArgs: [],
    stdioEnv: {},
    stdioIsolation: 'SHARED',
    auth: { type: 'NONE' },
    enabled: true,
    isPublic: false,
    teamId: null,
    apiKeyId: null,
    allowedTools: [],
    blockedTools: [],
    toolRulesMode: 'ENFORCE',
    semanticFilter: null,
    pricing: FREE,
    denialStyle: 'AUTO',
    limits: {},
    toolPins: [],
    toolsDiscoveredAt: null,
    toolReview: 'NONE',
    toolChangeMode: 'ENFORCE',
    webSearchPolicy: null,
    searchTools: [],
    ...given,
  };
}

/** An agent of the organisation's own. */
export function agent(organisationId: string, given: Partial<Agent> = {}): Agent {
  return { id: newId('agent'), organisationId, kind: 'CUSTOM', name: 'agent', mode: 'ENFORCE', clients: [], ...given };
}

export function accessGrant(key: ApiKey, server: McpServer): AccessGrant {
  return { id: newId('accessGrant'), organisationId: key.organisationId, apiKeyId: key.id, mcpServerId: server.id, toolsAllowed: null, expiresAtMillis: null };
}

export function policy(organisationId: string, given: Pick<PolicyConfig, 'scope' | 'ownerId' | 'envelope'> & Partial<PolicyConfig>): PolicyConfig {
  return { id: newId('policy'), organisationId, mode: 'ENFORCE', trial: null, ...given };
}

export function limit(organisationId: string, given: Pick<Limit, 'ownerType' | 'ownerId' | 'metric' | 'amount'> & Partial<Limit>): Limit {
  return {
    id: newId('limit'),
    organisationId,
    name: 'limit',
    mcpServerId: null,
    tool: null,
    period: 'MONTHLY',
    timezone: 'UTC',
    startAtMillis: 0,
    endAtMillis: null,
    countedSinceMillis: 0,
    rollover: false,
    mode: 'ENFORCE',
    allotmentCalls: null,
    ...given,
  };
}

/** A whole configuration, as a snapshot carries it. */
export function snapshotOf(entities: {
  organisations?: readonly OrganisationConfig[];
  apiKeys?: readonly ApiKey[];
  mcpServers?: readonly McpServer[];
  accessGrants?: readonly AccessGrant[];
  policies?: readonly PolicyConfig[];
  limits?: readonly Limit[];
  agents?: readonly Agent[];
}): ConfigUpsert[] {
  return [
    ...(entities.organisations ?? []).map((value): ConfigUpsert => ({ op: 'upsert', kind: 'organisation', value })),
    ...(entities.apiKeys ?? []).map((value): ConfigUpsert => ({ op: 'upsert', kind: 'apiKey', value })),
    ...(entities.mcpServers ?? []).map((value): ConfigUpsert => ({ op: 'upsert', kind: 'mcpServer', value })),
    ...(entities.accessGrants ?? []).map((value): ConfigUpsert => ({ op: 'upsert', kind: 'accessGrant', value })),
    ...(entities.policies ?? []).map((value): ConfigUpsert => ({ op: 'upsert', kind: 'policy', value })),
    ...(entities.limits ?? []).map((value): ConfigUpsert => ({ op: 'upsert', kind: 'limit', value })),
    ...(entities.agents ?? []).map((value): ConfigUpsert => ({ op: 'upsert', kind: 'agent', value })),
  ];
}
