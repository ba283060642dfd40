/** Stores what an authorisation server said, and hands the token to the data planes in the same transaction. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { SecretPlace, SecretSealer } from '../../shared/sealed-secret.ts';
import { accessTokenPlace } from '../../shared/upstream-token.ts';
import { appendConfigChanges } from '../config-feed/change-log.ts';
import { noteSignIn } from './sign-in-health.ts';
import type { FetchedToken, TokenRefused } from './token-endpoint.ts';
import { backoffMillis, lifeOf } from './token-life.ts';
import { upsertOfUpstreamToken } from './upstream-connection.document.ts';
import type { UpstreamConnection } from './upstream-connection.entity.ts';

const UNCLAIMED = { claim: null, claimedUntil: null } as const;

/** Where the refresh token of a connection is sealed for. */
export function refreshTokenPlace({ organisationId, id }: Pick<UpstreamConnection, 'organisationId' | 'id'>): SecretPlace {
  return { organisationId, ownerId: id, field: 'refreshToken' };
}

/** In the transaction of `em`, which must hold the connection's row. `askedAtMillis` is when the token was asked for. */
export async function storeToken(
  em: EntityManager,
  sealer: SecretSealer,
  connection: UpstreamConnection,
  { token, askedAtMillis }: { token: FetchedToken; askedAtMillis: number },
): Promise<void> {
  const { expiresAt, refreshDueAt } = lifeOf(token.expiresInSeconds, askedAtMillis, Math.random());
  const { refreshToken, scope } = token;
  const isRenewable = connection.registration == null || refreshToken !== undefined || connection.refreshToken != null;
  const generation = connection.generation + 1;
  em.assign(connection, {
    ...UNCLAIMED,
    state: 'CONNECTED',
    generation,
    accessToken: sealer.seal(token.accessToken, accessTokenPlace(connection)),
    // The one before it is used up, or goes on when no other one was given (RFC 6749, section 6).
    ...(refreshToken === undefined ? {} : { refreshToken: sealer.seal(refreshToken, refreshTokenPlace(connection)) }),
    ...(scope === undefined ? {} : { scopes: scope.split(' ').filter((word) => word !== '') }),
    expiresAt,
    // What cannot be renewed is looked at again when it is over.
    refreshDueAt: isRenewable ? refreshDueAt : expiresAt,
    fetchedAt: new Date(askedAtMillis),
    failures: 0,
    error: null,
    updatedAt: new Date(),
  });
  const upsert = upsertOfUpstreamToken(connection);
  await appendConfigChanges(em, upsert === undefined ? [] : [upsert]);
  await noteSignIn(em, connection);
}

/** The token that there is goes on until it expires; the data planes see for themselves when that is. */
export async function storeRefusal(em: EntityManager, connection: UpstreamConnection, refused: TokenRefused): Promise<void> {
  const failures = connection.failures + 1;
  const isFinal = refused.meaning === 'SIGN_IN_OVER' && connection.registration != null;
  em.assign(connection, {
    ...UNCLAIMED,
    state: isFinal ? 'SIGN_IN_EXPIRED' : 'FAILING',
    failures,
    error: refused.message,
    refreshDueAt: isFinal ? null : new Date(Date.now() + backoffMillis(failures, Math.random())),
    ...(isFinal ? { refreshToken: null } : {}),
    updatedAt: new Date(),
  });
  await em.flush();
  await noteSignIn(em, connection);
}
