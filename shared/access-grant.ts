/** Which key may call which server; scope narrows a grant and never replaces it (`domain.md`, Scope). */
import { z } from 'zod';
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

export type AccessVerdict = 'granted' | 'no_grant' | 'team_scope' | 'key_scope';

/** Judges grant, then scope. The console's "effective access" and the data plane ask this same function. */
export function judgeAccess(key: ApiKey, server: McpServer, grant: AccessGrant | undefined, nowMillis: number): AccessVerdict {
  if (grant === undefined) return 'no_grant';
  if (grant.expiresAtMillis !== null && grant.expiresAtMillis <= nowMillis) return 'no_grant';
  if (server.teamId !== null && server.teamId !== key.teamId) return 'team_scope';
  if (server.apiKeyId !== null && server.apiKeyId !== key.id) return 'key_scope';
  return 'granted';
}
