/** Tells the health of a server how its sign-in stands, where one sign-in serves the whole organisation. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { StoredAuth } from '../mcp-servers/stored-auth.ts';
import type { ObservedHealth } from '../server-health/server-health.ts';
import { recordHealth } from '../server-health/server-health.service.ts';
import type { ConnectionState, UpstreamConnection } from './upstream-connection.entity.ts';

/** What is tried again by itself says nothing yet: the calls do. */
const HEALTHS: Readonly<Record<ConnectionState, ObservedHealth>> = {
  NOT_CONNECTED: 'UNKNOWN',
  CONNECTED: 'CONNECTED',
  FAILING: 'UNKNOWN',
  SIGN_IN_EXPIRED: 'AUTH_EXPIRED',
  NEEDS_SIGN_IN: 'NEEDS_AUTH',
};
const DETAILS: Partial<Record<ConnectionState, string>> = {
  SIGN_IN_EXPIRED: 'the sign-in has expired: somebody must sign in anew (startServerOAuth)',
  NEEDS_SIGN_IN: 'nobody has signed in yet (startServerOAuth)',
};

/** In the transaction in which the connection changes. A person's own connection says nothing of the server. */
export async function noteSignIn(
  em: EntityManager,
  { mcpServerId, userId, state }: Pick<UpstreamConnection, 'mcpServerId' | 'userId' | 'state'>,
): Promise<void> {
  if (userId != null) return;
  await recordHealth(em, [{ serverId: mcpServerId, health: HEALTHS[state], detail: DETAILS[state] ?? null }], 'SIGN_IN');
}

/** In the transaction in which a server's auth changes, when it has no connection. */
export function noteNoSignIn(em: EntityManager, mcpServerId: string, auth: StoredAuth): Promise<void> {
  const isWanted = auth.type === 'OAUTH2' && auth.mode === 'AUTHORIZATION_CODE_ORG';
  return noteSignIn(em, { mcpServerId, userId: null, state: isWanted ? 'NEEDS_SIGN_IN' : 'NOT_CONNECTED' });
}
