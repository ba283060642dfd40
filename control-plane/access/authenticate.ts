/** Finds out who is asking, by the keyed hash of the bearer token. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { readToken, type TokenHasher } from '../../shared/token.ts';
import type { Caller } from './caller.ts';
import { AdminTokenEntity, DataPlaneTokenEntity } from './tokens.entity.ts';

const BEARER = /^bearer +(\S+)$/i;

export async function authenticate(authorization: string | undefined, em: EntityManager, hasher: TokenHasher): Promise<Caller> {
  const token = BEARER.exec(authorization ?? '')?.[1];
  if (token === undefined) return { kind: 'anonymous', why: 'send Authorization: Bearer tpa_…' };
  const reading = readToken(token);
  switch (reading.kind) {
    case 'malformed':
      return { kind: 'anonymous', why: 'the token is not of the form tpa_…' };
    case 'apiKey':
      return { kind: 'anonymous', why: 'this is a virtual API key (vk_…); the API takes admin tokens (tpa_…)' };
    case 'adminToken':
      return findAdmin(em, hasher.hash(token));
    case 'dataPlaneToken':
      return findDataPlane(em, hasher.hash(token));
  }
}

async function findAdmin(em: EntityManager, hash: string): Promise<Caller> {
  const token = await em.findOne(AdminTokenEntity, { hash });
  if (token === null || token.revokedAt != null) return { kind: 'anonymous', why: 'the token is not known' };
  const expiresAtMillis = token.expiresAt?.getTime() ?? null;
  if (expiresAtMillis !== null && expiresAtMillis <= Date.now()) return { kind: 'anonymous', why: 'the token has expired', hasExpired: true };
  return { kind: 'admin', tokenId: token.id, organisationId: token.organisationId, permissions: new Set(token.permissions), expiresAtMillis };
}

async function findDataPlane(em: EntityManager, hash: string): Promise<Caller> {
  const token = await em.findOne(DataPlaneTokenEntity, { hash });
  if (token === null || token.revokedAt != null) return { kind: 'anonymous', why: 'the token is not known' };
  return { kind: 'dataPlane', tokenId: token.id, organisationIds: token.organisationIds ?? null };
}
