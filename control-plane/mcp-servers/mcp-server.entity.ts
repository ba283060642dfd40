/** The MCP server as it is stored; secrets are sealed, and what may be shown of them stands beside. */
import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import type { DenialStyle, StdioIsolation, Transport } from '../../shared/mcp-server.ts';
import type { Pricing } from '../../shared/pricing.ts';
import type { SealedSecret } from '../../shared/sealed-secret.ts';
import type { SemanticFilter } from '../../shared/content-filter/semantic-filter.ts';
import type { ServerLimits } from '../../shared/server-limits.ts';
import type { ToolPin, ToolReview } from '../../shared/tool-pins.ts';
import type { SearchTool, WebSearchPolicy } from '../../shared/web-search.ts';
import { tenantFilter } from '../database/tenant-filter.ts';
import type { StoredAuth } from './stored-auth.ts';

/** What the API shows of a secret. */
export interface SecretFieldRow {
  readonly name: string;
  readonly fingerprint: string;
  readonly updatedAt: string;
}

export const McpServerEntity = defineEntity({
  name: 'McpServer',
  tableName: 'mcp_servers',
  filters: tenantFilter,
  properties: {
    id: p.string().primary(),
    organisationId: p.string(),
    slug: p.string(),
    name: p.string(),
    description: p.text().nullable(),
    transport: p.string().$type<Transport>(),
    endpointUrl: p.text().nullable(),
    stdioCommand: p.text().nullable(),
    stdioArgs: p.json<string[]>(),
    stdioEnv: p.json<Record<string, SealedSecret>>(),
    stdioIsolation: p.string().$type<StdioIsolation>().default('SHARED'),
    auth: p.json<StoredAuth>(),
    secretFields: p.json<SecretFieldRow[]>(),
    /** Works only once its OAuth 2 is complete. */
    oauthRequired: p.boolean().default(false),
    source: p.string().$type<'CATALOG' | 'MANUAL' | 'FILE'>().default('MANUAL'),
    /** The entry that it was installed from, which may be gone. */
    catalogEntryId: p.string().nullable(),
    enabled: p.boolean().default(false),
    isPublic: p.boolean().default(false),
    teamId: p.string().nullable(),
    apiKeyId: p.string().nullable(),
    allowedTools: p.json<string[]>(),
    blockedTools: p.json<string[]>(),
    toolRulesMode: p.string().$type<'ENFORCE' | 'OBSERVE'>().default('ENFORCE'),
    semanticFilter: p.json<SemanticFilter>().nullable(),
    pricing: p.json<Pricing>(),
    pricedAt: p.datetime().nullable(),
    denialStyle: p.string().$type<DenialStyle>().default('AUTO'),
    /** Those that were set; the others have their defaults. */
    limits: p.json<ServerLimits>(),
    /** What the data planes need to know of its tools, drawn from them whenever one of them changes. */
    toolPins: p.json<ToolPin[]>(),
    toolReview: p.string().$type<ToolReview>().default('NONE'),
    toolChangeMode: p.string().$type<'ENFORCE' | 'OBSERVE'>().default('ENFORCE'),
    /** How often its tools are discovered anew; null for when somebody asks. */
    toolDiscoveryMinutes: p.integer().nullable(),
    toolDiscoveryDueAt: p.datetime().nullable(),
    /** When somebody asked, or something had changed. */
    toolsDiscoveredAt: p.datetime().nullable(),
    /** When they were last looked at, whatever came of it. */
    toolsCheckedAt: p.datetime().nullable(),
    /** Why the last discovery failed. */
    toolDiscoveryError: p.text().nullable(),
    webSearchPolicy: p.json<WebSearchPolicy>().nullable(),
    /** How its tools can be told to keep to the policy, drawn from them whenever they change. */
    searchTools: p.json<SearchTool[]>(),
    /** The last recorded request to it, within a minute. */
    lastUsedAt: p.datetime(3).nullable(),
    metadata: p.json<Record<string, unknown>>(),
    version: p.integer().default(1),
    createdAt: p.datetime().defaultRaw('now()'),
    updatedAt: p.datetime().defaultRaw('now()'),
  },
});
export type McpServer = InferEntity<typeof McpServerEntity>;
