/** Turns a stored server into what the data planes obey. */
import type { ConfigUpsert } from '../../shared/config-document.ts';
import type { McpServer as McpServerDocument } from '../../shared/mcp-server.ts';
import type { McpServer } from './mcp-server.entity.ts';
import { toldAuth } from './stored-auth.ts';

function toMcpServerDocument(server: McpServer): McpServerDocument {
  return {
    id: server.id,
    organisationId: server.organisationId,
    slug: server.slug,
    name: server.name,
    transport: server.transport,
    endpointUrl: server.endpointUrl ?? null,
    stdioCommand: server.stdioCommand ?? null,
    stdioArgs: server.stdioArgs,
    stdioEnv: server.stdioEnv,
    stdioIsolation: server.stdioIsolation,
    auth: toldAuth(server.auth),
    enabled: server.enabled,
    isPublic: server.isPublic,
    teamId: server.teamId ?? null,
    apiKeyId: server.apiKeyId ?? null,
    allowedTools: server.allowedTools,
    blockedTools: server.blockedTools,
    toolRulesMode: server.toolRulesMode,
    semanticFilter: server.semanticFilter ?? null,
    pricing: server.pricing,
    denialStyle: server.denialStyle,
    limits: server.limits,
    toolPins: server.toolPins,
    toolsDiscoveredAt: server.toolsDiscoveredAt?.toISOString() ?? null,
    toolReview: server.toolReview,
    toolChangeMode: server.toolChangeMode,
    webSearchPolicy: server.webSearchPolicy ?? null,
    searchTools: server.searchTools,
  };
}

export function upsertOfMcpServer(server: McpServer): ConfigUpsert {
  return { op: 'upsert', kind: 'mcpServer', value: toMcpServerDocument(server) };
}
