/** Nobody gives what he does not have, and nobody takes it from somebody who has more. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Permission } from '../access/permissions.ts';
import { forbidden } from '../graphql/errors.ts';
import { notFound } from '../graphql/input-refused.ts';
import { requirePermission, type AdminContext } from '../request-context.ts';
import { findRole, SUPER_ADMIN, type Role } from './roles.ts';

export function requireAll(context: AdminContext, permissions: readonly Permission[]): void {
  for (const permission of permissions) requirePermission(context, permission);
}

/** Throws FORBIDDEN unless whoever asks has everything that the role gives. A token is nobody, and so never a SUPER_ADMIN. */
export function requireWithin(context: AdminContext, role: Role): void {
  const { actor } = context.caller;
  if (role.id === SUPER_ADMIN && !(actor.kind === 'USER' && actor.roleId === SUPER_ADMIN)) throw forbidden('SUPER_ADMIN');
  requireAll(context, role.permissions);
}

/** The role of that id, if there is one and whoever asks may give it. */
export async function grantableRole(em: EntityManager, context: AdminContext, roleId: string): Promise<Role> {
  const role = await findRole(em, roleId);
  if (role === null) throw notFound('roleId', 'role');
  requireWithin(context, role);
  return role;
}
