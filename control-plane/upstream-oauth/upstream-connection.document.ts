/** Turns the token of a connection into what the data planes call servers with. */
import type { ConfigRemoval, ConfigUpsert } from '../../shared/config-document.ts';
import type { UpstreamConnection } from './upstream-connection.entity.ts';

/** Undefined while there is no token. */
export function upsertOfUpstreamToken(connection: UpstreamConnection): ConfigUpsert | undefined {
  const { id, organisationId, mcpServerId, userId, generation, accessToken, expiresAt } = connection;
  if (accessToken == null || expiresAt == null) return undefined;
  const value = { id, organisationId, mcpServerId, userId: userId ?? null, generation, accessToken, expiresAtMillis: expiresAt.getTime() };
  return { op: 'upsert', kind: 'upstreamToken', value };
}

export function removalOfUpstreamToken({ id }: UpstreamConnection): ConfigRemoval {
  return { op: 'remove', kind: 'upstreamToken', id };
}
