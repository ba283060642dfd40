/** What somebody may do now, who did something earlier: read anew, since it may have been taken away. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { insideOrganisation } from '../database/tenant-filter.ts';
import { MembershipEntity } from '../members/membership.entity.ts';
import { findRole, type Role } from '../roles/roles.ts';
import type { TokenActor, UserActor } from './caller.ts';
import type { Permission } from './permissions.ts';
import { AdminTokenEntity } from './tokens.entity.ts';

export type Actor = Pick<TokenActor | UserActor, 'kind' | 'id'>;

/** Nothing for whoever is suspended, revoked or gone. `em` sees every organisation. */
export async function permissionsOf(em: EntityManager, { kind, id }: Actor, organisationId: string): Promise<ReadonlySet<Permission>> {
  if (kind === 'USER') return new Set((await roleOfUser(insideOrganisation(em, organisationId), id))?.permissions);
  const token = await em.fork().findOne(AdminTokenEntity, { id, organisationId, revokedAt: null });
  const hasExpired = token?.expiresAt != null && token.expiresAt.getTime() <= Date.now();
  return new Set(token === null || hasExpired ? [] : token.permissions);
}

/** Null for whoever is no active member. `inside` sees the one organisation. */
export async function roleOfUser(inside: EntityManager, userId: string): Promise<Role | null> {
  const membership = await inside.findOne(MembershipEntity, { userId, state: 'ACTIVE' });
  return membership === null ? null : findRole(inside, membership.roleId);
}
