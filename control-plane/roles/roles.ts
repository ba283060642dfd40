/** Roles: a name for a set of permissions. Five come with the product, and an organisation makes others of its own. */
import type { EntityManager, FilterQuery } from '@mikro-orm/postgresql';
import { PERMISSIONS, type Permission } from '../access/permissions.ts';
import { RoleEntity, type StoredRole } from './role.entity.ts';

export interface Role {
  readonly id: string;
  readonly name: string;
  readonly permissions: readonly Permission[];
  readonly builtIn: boolean;
  readonly version: number;
}

const EVERYTHING_BUT_PEOPLE = PERMISSIONS.filter((permission) => permission !== 'MEMBER_MANAGE');

/** What each may do. SUPER_ADMIN differs from ORG_ADMIN in one thing: nobody else makes a SUPER_ADMIN or changes one. */
const BUILT_IN: readonly Role[] = [
  builtIn('SUPER_ADMIN', PERMISSIONS),
  builtIn('ORG_ADMIN', PERMISSIONS),
  builtIn('MANAGER', EVERYTHING_BUT_PEOPLE),
  builtIn('USER', []),
  builtIn('AUDITOR', ['AUDIT_READ', 'USAGE_READ']),
];

export const SUPER_ADMIN = 'SUPER_ADMIN';
/** An organisation is never without somebody who has one of these. */
export const ADMINISTRATOR_ROLES: readonly string[] = [SUPER_ADMIN, 'ORG_ADMIN'];

export function builtInRoles(): readonly Role[] {
  return BUILT_IN;
}

/** Those of the ids that there are, in no order. */
export async function findRoles(em: EntityManager, ids: readonly string[]): Promise<Role[]> {
  const brought = BUILT_IN.filter(({ id }) => ids.includes(id));
  if (brought.length === ids.length) return brought;
  const where: FilterQuery<StoredRole> = { id: { $in: [...ids] } };
  return [...brought, ...(await em.find(RoleEntity, where)).map(toRole)];
}

export async function findRole(em: EntityManager, id: string): Promise<Role | null> {
  return (await findRoles(em, [id]))[0] ?? null;
}

export function toRole({ id, name, permissions, version }: StoredRole): Role {
  return { id, name, permissions, version, builtIn: false };
}

function builtIn(name: string, permissions: readonly Permission[]): Role {
  return { id: name, name, permissions, builtIn: true, version: 1 };
}
