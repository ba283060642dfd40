/** What the servers of a page hold and what they were used for: one statement for all their tools, one for all their usage. */
import { z } from 'zod';
import { isPinRefused, objectionToPin } from '../../shared/tool-pins.ts';
import { compileToolRules } from '../../shared/tool-rules.ts';
import type { AdminContext } from '../request-context.ts';
import { shownHealth, type ServerHealth } from '../server-health/server-health.ts';
import { effectiveRisk, ToolEntity, type Tool } from '../tools/tool.entity.ts';
import { pinOf } from '../tools/merge-tools.ts';
import { DAY_MILLIS, spanOf } from '../usage/usage-buckets.ts';
import { readingSums, sumsOf } from '../usage/usage-sums.ts';
import type { McpServer } from './mcp-server.entity.ts';

export interface InventoryItem {
  readonly server: McpServer;
  readonly toolCount: number;
  readonly enabledToolCount: number;
  readonly scopes: readonly string[];
  readonly dlpAction: 'BLOCK' | 'REDACT' | 'OBSERVE' | null;
  readonly status: ServerHealth;
  readonly lastActivityAt: Date | null;
  readonly calls30d: string;
  readonly unusedTools: number;
  readonly riskyTools: number;
}

interface ServerUse {
  readonly calls: bigint;
  /** That were called, and not refused. */
  readonly tools: ReadonlySet<string>;
}

const RANGE_MILLIS = 30 * DAY_MILLIS;
const NO_USE: ServerUse = { calls: 0n, tools: new Set() };
const rowsSchema = z.array(z.object({ server_id: z.string(), tool: z.string().nullable(), calls: z.coerce.bigint(), admitted: z.coerce.bigint() }));

/** Answers what is known of each of the servers. */
export async function inventoryOf(context: AdminContext, servers: readonly McpServer[]): Promise<(server: McpServer) => InventoryItem> {
  const ids = servers.map(({ id }) => id);
  const [tools, uses, scopes, healths] = await Promise.all([
    toolsOf(context, ids),
    usesOf(context, ids),
    scopesOf(context, servers),
    healthsOf(context, servers),
  ]);
  return (server) => {
    const own = tools.get(server.id) ?? [];
    const callable = callableOf(server, own);
    const { calls, tools: used } = uses.get(server.id) ?? NO_USE;
    return {
      server,
      toolCount: own.length,
      enabledToolCount: callable.length,
      scopes: [scopes.get(server.id) ?? 'ORGANISATION'],
      dlpAction: server.semanticFilter?.action ?? null,
      status: healths.get(server.id) ?? 'UNKNOWN',
      lastActivityAt: server.lastUsedAt ?? null,
      calls30d: String(calls),
      unusedTools: callable.filter(({ name }) => !used.has(name)).length,
      riskyTools: callable.filter((tool) => ['DESTRUCTIVE', 'OPEN_WORLD'].includes(effectiveRisk(tool))).length,
    };
  };
}

/** What the servers listed the last time. */
async function toolsOf({ em }: AdminContext, ids: readonly string[]): Promise<ReadonlyMap<string, Tool[]>> {
  return Map.groupBy(await em.find(ToolEntity, { mcpServerId: { $in: [...ids] }, isGone: false }), ({ mcpServerId }) => mcpServerId);
}

async function usesOf({ em, caller }: AdminContext, ids: readonly string[]): Promise<ReadonlyMap<string, ServerUse>> {
  const now = new Date();
  const range = { gte: new Date(now.getTime() - RANGE_MILLIS), lt: now };
  const summed = {
    filter: { range, serverId: ids },
    span: spanOf(range, now),
    granularity: undefined,
    hasLatencies: false,
    dimensions: ['server_id', 'tool'],
  } as const;
  const from = sumsOf(caller.organisationId, summed);
  const sql = `select server_id, tool, sum(calls)::text as calls, (sum(calls) - coalesce(sum(denied), 0))::text as admitted from ${from.sql} group by server_id, tool`;
  const rows = rowsSchema.parse(await readingSums(em, (reader) => reader.execute(sql, [...from.values])));
  return new Map(
    [...Map.groupBy(rows, ({ server_id: id }) => id)].map(([id, own]) => [
      id,
      {
        calls: own.reduce((sum, { calls }) => sum + calls, 0n),
        tools: new Set(own.flatMap(({ tool, admitted }) => (tool !== null && admitted > 0n ? [tool] : []))),
      },
    ]),
  );
}

/** Which granted keys may call, in a word. */
async function scopesOf({ loaders }: AdminContext, servers: readonly McpServer[]): Promise<ReadonlyMap<string, string>> {
  const scoped = servers.map(async ({ id, teamId, apiKeyId }): Promise<[string, string]> => {
    if (teamId != null) return [id, `TEAM ${(await loaders.teams.load(teamId))?.slug ?? teamId}`];
    return [id, apiKeyId == null ? 'ORGANISATION' : `API_KEY ${(await loaders.apiKeys.load(apiKeyId))?.prefix ?? apiKeyId}`];
  });
  return new Map(await Promise.all(scoped));
}

/** As far as rules of the server go: grants may narrow it further. */
function callableOf(server: McpServer, tools: readonly Tool[]): Tool[] {
  const rules = compileToolRules(server.toolRulesMode === 'OBSERVE' ? { allowedTools: [], blockedTools: [] } : server);
  const isRefused = (tool: Tool) => isPinRefused(objectionToPin(pinOf(tool), server.toolReview), server.toolChangeMode);
  return tools.filter((tool) => !isRefused(tool) && rules.verdictOn(tool.name) === 'allowed');
}

async function healthsOf({ loaders }: AdminContext, servers: readonly McpServer[]): Promise<ReadonlyMap<string, ServerHealth>> {
  const shown = servers.map(async (server): Promise<[string, ServerHealth]> => [
    server.id,
    shownHealth(server, await loaders.serverHealth.load(server.id), Date.now()).health,
  ]);
  return new Map(await Promise.all(shown));
}
