/** Finds out who is asking, by the keyed hash of the bearer token or of the session in the cookie. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { readToken, type TokenHasher } from '../../shared/token.ts';
import { insideOrganisation, ACROSS_TENANTS } from '../database/tenant-filter.ts';
import { SessionEntity } from '../sessions/session.entity.ts';
import { endOfSession } from '../sessions/session-life.ts';
import type { AnonymousCaller, Caller } from './caller.ts';
import { roleOfUser } from './standing.ts';
import { AdminTokenEntity, DataPlaneTokenEntity } from './tokens.entity.ts';

/** What a request or a socket says about who asks. A bearer token wins over a session. */
export interface Credentials {
  readonly authorization: string | undefined;
  /** What the session's cookie holds. */
  readonly session: string | undefined;
}

/** Of whoever has not said who he is. */
export const NO_CREDENTIALS: Credentials = { authorization: undefined, session: undefined };

const BEARER = /^bearer +(\S+)$/i;
const UNKNOWN: AnonymousCaller = { kind: 'anonymous', why: 'the token is not known' };
const SIGNED_OUT: AnonymousCaller = { kind: 'anonymous', why: 'the session is not known, or was ended' };

export async function authenticate({ authorization, session }: Credentials, em: EntityManager, hasher: TokenHasher): Promise<Caller> {
  if (authorization === undefined && session !== undefined) return findUser(em, session, hasher);
  const token = BEARER.exec(authorization ?? '')?.[1];
  if (token === undefined) return { kind: 'anonymous', why: 'sign in, or send Authorization: Bearer tpa_…' };
  const reading = readToken(token);
  switch (reading.kind) {
    case 'malformed':
      return { kind: 'anonymous', why: 'the token is not of the form tpa_…' };
    case 'apiKey':
      return { kind: 'anonymous', why: 'this is a virtual API key (vk_…); the API takes admin tokens (tpa_…)' };
    case 'invitation':
      return { kind: 'anonymous', why: 'this is an invitation (tpi_…); it is accepted with acceptInvitation or setUp' };
    case 'session':
      return { kind: 'anonymous', why: 'this is a session (tps_…), which belongs into its cookie' };
    case 'adminToken':
      return findAdmin(em, hasher.hash(token));
    case 'dataPlaneToken':
      return findDataPlane(em, hasher.hash(token));
  }
}

async function findAdmin(em: EntityManager, hash: string): Promise<Caller> {
  const token = await em.findOne(AdminTokenEntity, { hash });
  if (token === null || token.revokedAt != null) return UNKNOWN;
  const expiresAtMillis = token.expiresAt?.getTime() ?? null;
  if (expiresAtMillis !== null && expiresAtMillis <= Date.now()) return { kind: 'anonymous', why: 'the token has expired', hasExpired: true };
  const actor = { kind: 'ADMIN_TOKEN', id: token.id } as const;
  return { kind: 'admin', actor, organisationId: token.organisationId, permissions: new Set(token.permissions), expiresAtMillis };
}

async function findDataPlane(em: EntityManager, hash: string): Promise<Caller> {
  const token = await em.findOne(DataPlaneTokenEntity, { hash });
  if (token === null || token.revokedAt != null) return UNKNOWN;
  return { kind: 'dataPlane', tokenId: token.id, organisationIds: token.organisationIds ?? null };
}

/** Role and membership are read anew each time: what was taken away is gone with the next request. */
async function findUser(em: EntityManager, cookie: string, hasher: TokenHasher): Promise<Caller> {
  if (readToken(cookie).kind !== 'session') return SIGNED_OUT;
  const session = await em.findOne(SessionEntity, { hash: hasher.hash(cookie) }, ACROSS_TENANTS);
  if (session === null) return SIGNED_OUT;
  const expiresAtMillis = endOfSession(session);
  if (expiresAtMillis <= Date.now()) return { kind: 'anonymous', why: 'the session has expired', hasExpired: true };
  const inside = insideOrganisation(em, session.organisationId);
  const role = await roleOfUser(inside, session.userId);
  if (role === null) return SIGNED_OUT;
  const actor = { kind: 'USER', id: session.userId, sessionId: session.id, roleId: role.id } as const;
  return { kind: 'admin', actor, organisationId: session.organisationId, permissions: new Set(role.permissions), expiresAtMillis: session.expiresAt.getTime() };
}
