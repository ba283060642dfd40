/** The token with which the control plane itself looks at a server. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { SecretSealer } from '../../shared/sealed-secret.ts';
import { accessTokenPlace } from '../../shared/upstream-token.ts';
import type { McpServer } from '../mcp-servers/mcp-server.entity.ts';
import { UpstreamConnectionEntity } from './upstream-connection.entity.ts';

/** Where each user has a connection of his own, it is that of whoever looks. Undefined when there is none, or it has expired. */
export async function presentToken(
  em: EntityManager,
  sealer: SecretSealer,
  { id, auth }: Pick<McpServer, 'id' | 'auth'>,
  actor: { readonly kind: string; readonly id: string },
): Promise<string | undefined> {
  if (auth.type !== 'OAUTH2') return undefined;
  const userId = auth.mode === 'AUTHORIZATION_CODE_USER' ? actor.id : null;
  const connection = await em.fork().findOne(UpstreamConnectionEntity, { mcpServerId: id, userId });
  if (connection?.accessToken == null || connection.expiresAt == null || connection.expiresAt.getTime() <= Date.now()) return undefined;
  return sealer.open(connection.accessToken, accessTokenPlace(connection));
}
