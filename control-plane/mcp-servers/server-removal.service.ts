/** Removes a server with everything that is of use with it alone, and tells beforehand what that breaks. Records of its calls stay. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import type { ConfigRemoval } from '../../shared/config-document.ts';
import { AccessGrantEntity } from '../access-grants/access-grant.entity.ts';
import { upsertOfAgent } from '../agents/agent.document.ts';
import { AgentEntity, type StoredAgent } from '../agents/agent.entity.ts';
import { audit } from '../audit/audit.ts';
import { InstallRequestEntity } from '../catalog/install-request.entity.ts';
import { appendConfigChanges } from '../config-feed/change-log.ts';
import { inTransaction } from '../database/in-transaction.ts';
import { FOR_CHANGE, requireVersion } from '../database/version-check.ts';
import { notFound } from '../graphql/input-refused.ts';
import { LimitEntity } from '../money/limit.entity.ts';
import { PolicyEntity } from '../policies/policy.entity.ts';
import type { AdminContext } from '../request-context.ts';
import { ToolEntity } from '../tools/tool.entity.ts';
import { takeConnectionsAway } from '../upstream-oauth/upstream-connections.service.ts';
import { DAY_MILLIS } from '../usage/usage-buckets.ts';
import { McpServerEntity, type McpServer } from './mcp-server.entity.ts';
import { shown, type Aim } from './mcp-servers.service.ts';

/** What is removed with the server, and what loses by it. */
export interface RemovalImpact {
  readonly grants: number;
  /** Keys that may call no other server. */
  readonly keysLeftWithout: number;
  readonly budgets: number;
  readonly quotas: number;
  readonly hasPolicy: boolean;
  readonly tools: number;
  /** Agents that are mapped to it. */
  readonly agents: number;
  /** Requests that it was installed for. */
  readonly installRequests: number;
  /** Null for whoever may not see usage. */
  readonly calls30d: string | null;
  readonly lastUsedAt: Date | null;
}

interface Belongings {
  readonly grants: readonly { readonly id: string; readonly apiKeyId: string }[];
  readonly limits: readonly { readonly id: string; readonly metric: string; readonly name: string }[];
  readonly policyId: string | null;
  readonly agents: readonly StoredAgent[];
}

const RANGE_MILLIS = 30 * DAY_MILLIS;
const countSchema = z.tuple([z.object({ count: z.number() })]);

export class ServerRemovalService {
  /** Answers what is or would be removed; `deletedId` is null in a dry run. */
  async delete(context: AdminContext, aim: Aim): Promise<{ deletedId: string | null; impact: RemovalImpact }> {
    const dryRun = aim.dryRun === true;
    const calls30d = await callsOf(context, aim.id);
    const impact = await inTransaction(context.em, { dryRun }, async (em) => {
      const server = await em.findOne(McpServerEntity, { id: aim.id }, FOR_CHANGE);
      if (server === null) throw notFound('id', 'server');
      requireVersion(server, aim.expectedVersion, 'server');
      const belongings = await belongingsOf(em, server.id);
      const before = { ...(await impactOf(em, context, server, belongings)), calls30d };
      await remove(em, context, server, belongings);
      return before;
    });
    return { deletedId: dryRun ? null : aim.id, impact };
  }
}

/** Read apart from the transaction: it may take a while, and nobody should wait for it. */
async function callsOf({ caller, loaders }: AdminContext, id: string): Promise<string | null> {
  if (!caller.permissions.has('USAGE_READ')) return null;
  const now = Date.now();
  const range = { gte: new Date(now - RANGE_MILLIS), lt: new Date(now) };
  return (await loaders.usage.load({ group: 'SERVER', id, range, hasLatencies: false })).calls;
}

async function belongingsOf(em: EntityManager, id: string): Promise<Belongings> {
  const policy = await em.findOne(PolicyEntity, { ownerId: id });
  return {
    grants: await em.find(AccessGrantEntity, { mcpServerId: id }, { fields: ['id', 'apiKeyId'] }),
    limits: await em.find(LimitEntity, { $or: [{ mcpServerId: id }, { ownerType: 'MCP_SERVER', ownerId: id }] }),
    policyId: policy?.id ?? null,
    agents: (await em.find(AgentEntity, {}, FOR_CHANGE)).filter(({ clients }) => clients.some(({ allowedServerIds }) => allowedServerIds.includes(id))),
  };
}

async function impactOf(
  em: EntityManager,
  { caller }: AdminContext,
  server: McpServer,
  { grants, limits, policyId, agents }: Belongings,
): Promise<RemovalImpact> {
  const budgets = limits.filter(({ metric }) => metric === 'NANO_USD').length;
  const [{ count }] = countSchema.parse(
    await em.execute(
      `select count(*)::integer as count from access_grants as held where organisation_id = ? and mcp_server_id = ?
       and not exists (select from access_grants as other where other.api_key_id = held.api_key_id and other.mcp_server_id <> held.mcp_server_id)`,
      [caller.organisationId, server.id],
    ),
  );
  return {
    grants: grants.length,
    keysLeftWithout: count,
    budgets,
    quotas: limits.length - budgets,
    hasPolicy: policyId !== null,
    tools: await em.count(ToolEntity, { mcpServerId: server.id }),
    agents: agents.length,
    installRequests: await em.count(InstallRequestEntity, { mcpServerId: server.id }),
    calls30d: null,
    lastUsedAt: server.lastUsedAt ?? null,
  };
}

/** A limit that was narrowed to it would limit nothing, or, without the narrowing, everything. Tools go by themselves. */
async function remove(em: EntityManager, context: AdminContext, server: McpServer, { grants, limits, policyId, agents }: Belongings): Promise<void> {
  for (const limit of limits) audit(em, context, { action: 'deleteServer', targetId: limit.id, targetLabel: limit.name, before: { ...limit }, after: null });
  for (const agent of agents) unmap(em, context, agent, server.id);
  const before = { ...shown(server), grants: grants.map(({ id, apiKeyId }) => ({ id, apiKeyId })) };
  audit(em, context, { action: 'deleteServer', targetId: server.id, targetLabel: server.slug, before, after: null });
  await em.nativeDelete(AccessGrantEntity, { mcpServerId: server.id });
  await em.nativeDelete(LimitEntity, { id: { $in: limits.map(({ id }) => id) } });
  if (policyId !== null) await em.nativeDelete(PolicyEntity, { id: policyId });
  const connections = await takeConnectionsAway(em, server.id);
  await em.nativeDelete(McpServerEntity, { id: server.id });
  await appendConfigChanges(em, [
    ...grants.map(({ id }) => removalOf('accessGrant', id)),
    ...limits.map(({ id }) => removalOf('limit', id)),
    ...(policyId === null ? [] : [removalOf('policy', policyId)]),
    ...agents.map(upsertOfAgent),
    ...connections,
    removalOf('mcpServer', server.id),
  ]);
}

/** A client that could call nothing else can then call nothing. */
function unmap(em: EntityManager, context: AdminContext, agent: StoredAgent, serverId: string): void {
  const before = { ...agent };
  const clients = agent.clients.map((client) => ({ ...client, allowedServerIds: client.allowedServerIds.filter((id) => id !== serverId) }));
  em.assign(agent, { clients, version: agent.version + 1, updatedAt: new Date() });
  audit(em, context, { action: 'deleteServer', targetId: agent.id, targetLabel: agent.slug, before, after: { ...agent } });
}

function removalOf(kind: ConfigRemoval['kind'], id: string): ConfigRemoval {
  return { op: 'remove', kind, id };
}
