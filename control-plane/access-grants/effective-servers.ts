/** Which servers a key may call now: judged by the function that the data planes ask. */
import type { EntityManager } from '@mikro-orm/postgresql';
import DataLoader from 'dataloader';
import { judgeAccess } from '../../shared/access-grant.ts';
import { toAgentDocument } from '../agents/agent.document.ts';
import { AgentEntity } from '../agents/agent.entity.ts';
import { ApiKeyEntity, type ApiKey } from '../api-keys/api-key.entity.ts';
import { statusOf } from '../api-keys/api-key-status.ts';
import { McpServerEntity, type McpServer } from '../mcp-servers/mcp-server.entity.ts';
import { AccessGrantEntity, type AccessGrant } from './access-grant.entity.ts';

export type EffectiveServers = DataLoader<string, McpServer[]>;

/** By the id of the key; none for a key that does not work. */
export function effectiveServers(em: EntityManager): EffectiveServers {
  return new DataLoader(async (keyIds) => {
    const now = new Date();
    const keys = new Map((await em.find(ApiKeyEntity, { id: { $in: [...keyIds] } })).map((key) => [key.id, key]));
    const grants = Map.groupBy(await em.find(AccessGrantEntity, { apiKeyId: { $in: [...keyIds] } }, { orderBy: { id: 'asc' } }), ({ apiKeyId }) => apiKeyId);
    const judge = await judgeOf(em, [...keys.values()], [...grants.values()].flat(), now);
    return keyIds.map((id) => {
      const key = keys.get(id);
      return key === undefined || !['ACTIVE', 'ROTATING'].includes(statusOf(key, now))
        ? []
        : (grants.get(id) ?? []).flatMap((grant) => judge(key, grant) ?? []);
    });
  });
}

type Judge = (key: ApiKey, grant: AccessGrant) => McpServer | undefined;

async function judgeOf(em: EntityManager, keys: readonly ApiKey[], grants: readonly AccessGrant[], now: Date): Promise<Judge> {
  const serverIds = [...new Set(grants.map(({ mcpServerId }) => mcpServerId))];
  const agentIds = [...new Set(keys.flatMap(({ agentId }) => agentId ?? []))];
  const servers = new Map((await em.find(McpServerEntity, { id: { $in: serverIds }, enabled: true })).map((server) => [server.id, server]));
  const agents = new Map((await em.find(AgentEntity, { id: { $in: agentIds } })).map((agent) => [agent.id, toAgentDocument(agent)]));
  return (key, grant) => {
    const server = servers.get(grant.mcpServerId);
    if (server === undefined) return undefined;
    const agentId = key.agentId ?? null;
    const question = {
      key: { id: key.id, teamId: key.teamId ?? null, agentId },
      server: { id: server.id, teamId: server.teamId ?? null, apiKeyId: server.apiKeyId ?? null },
      grant: { expiresAtMillis: grant.expiresAt?.getTime() ?? null },
      agent: agentId === null ? undefined : agents.get(agentId),
    };
    return judgeAccess(question, now.getTime()) === 'granted' ? server : undefined;
  };
}
