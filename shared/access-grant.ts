/** Which key may call which server; scope narrows a grant and never replaces it (`domain.md`, Scope). */
import { z } from 'zod';
import { isMappedTo, type Agent } from './agent.ts';
import type { ApiKey } from './api-key.ts';
import type { McpServer } from './mcp-server.ts';

export const accessGrantSchema = z.strictObject({
  id: z.string(),
  organisationId: z.string(),
  apiKeyId: z.string(),
  mcpServerId: z.string(),
  /** Narrows the tools further for this key; null leaves the server's own rules alone. */
  toolsAllowed: z.array(z.string()).nullable(),
  expiresAtMillis: z.number().nullable(),
});
export type AccessGrant = z.infer<typeof accessGrantSchema>;

export type AccessVerdict = 'granted' | 'no_grant' | 'team_scope' | 'key_scope' | 'agent_not_mapped';

/** What of a key, a server and a grant decides. */
export interface AccessQuestion {
  readonly key: Pick<ApiKey, 'id' | 'teamId' | 'agentId'>;
  readonly server: Pick<McpServer, 'id' | 'teamId' | 'apiKeyId'>;
  readonly grant: Pick<AccessGrant, 'expiresAtMillis'> | undefined;
  /** The one that the key is bound to, as it is configured now. */
  readonly agent: Agent | undefined;
}

/** Judges grant, then scope, then the agent that the key is bound to. The console's "effective access" and the data plane ask this same function. */
export function judgeAccess({ key, server, grant, agent }: AccessQuestion, nowMillis: number): AccessVerdict {
  if (grant === undefined) return 'no_grant';
  if (grant.expiresAtMillis !== null && grant.expiresAtMillis <= nowMillis) return 'no_grant';
  if (server.teamId !== null && server.teamId !== key.teamId) return 'team_scope';
  if (server.apiKeyId !== null && server.apiKeyId !== key.id) return 'key_scope';
  return key.agentId === null || isOpenTo(agent, server.id) ? 'granted' : 'agent_not_mapped';
}

/** An agent that is gone leaves its keys without any server. */
function isOpenTo(agent: Agent | undefined, serverId: string): boolean {
  return agent !== undefined && (agent.mode === 'OBSERVE' || isMappedTo(agent, serverId));
}
