/** The rules of an organisation's own roles: they hold no more than their author has, and stay while somebody needs them. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { newId } from '../../shared/ids.ts';
import type { Permission } from '../access/permissions.ts';
import { audit } from '../audit/audit.ts';
import { FOR_CHANGE, requireVersion } from '../database/version-check.ts';
import { notFound, refuseInput } from '../graphql/input-refused.ts';
import { readName } from '../graphql/names.ts';
import { InvitationEntity } from '../members/invitation.entity.ts';
import { MembershipEntity } from '../members/membership.entity.ts';
import { lockPeople } from '../members/people-lock.ts';
import type { AdminContext } from '../request-context.ts';
import { requireAll } from './granting.ts';
import { RoleEntity, type StoredRole } from './role.entity.ts';
import { builtInRoles, toRole, type Role } from './roles.ts';

export interface CreateRoleInput {
  readonly name: string;
  readonly permissions: readonly Permission[];
}

export interface UpdateRoleInput {
  readonly id: string;
  readonly expectedVersion: number | null;
  /** What is undefined stays as it is. */
  readonly name: string | undefined;
  readonly permissions: readonly Permission[] | undefined;
}

/** So that all of them can be listed at once. */
const ROLES_MAX = 100;

export class RolesService {
  /** Those that come with the product first, then those of the organisation, the oldest first. */
  async list({ em }: AdminContext): Promise<Role[]> {
    return [...builtInRoles(), ...(await em.find(RoleEntity, {}, { orderBy: { id: 'asc' } })).map(toRole)];
  }

  create(context: AdminContext, input: CreateRoleInput): Promise<Role> {
    return inTurn(context, async (em) => {
      const name = await freeName(em, input.name, null);
      requireAll(context, input.permissions);
      if ((await em.count(RoleEntity)) >= ROLES_MAX) throw refuseInput(null, 'TOO_LARGE', `an organisation has at most ${ROLES_MAX} roles of its own`);
      const permissions = [...new Set(input.permissions)];
      const role = em.create(RoleEntity, { id: newId('role'), organisationId: context.caller.organisationId, name, permissions });
      audit(em, context, { action: 'createRole', targetId: role.id, targetLabel: name, before: null, after: { name, permissions } });
      await em.flush();
      return toRole(role);
    });
  }

  /** Holds from the next request of everybody who has the role. */
  update(context: AdminContext, input: UpdateRoleInput): Promise<Role> {
    return inTurn(context, async (em) => {
      const role = await findOwn(em, context, input.id, input.expectedVersion);
      const before = shown(role);
      const name = input.name === undefined ? role.name : await freeName(em, input.name, role);
      const permissions = [...new Set(input.permissions ?? role.permissions)];
      requireAll(context, permissions);
      em.assign(role, { name, permissions, version: role.version + 1, updatedAt: new Date() });
      audit(em, context, { action: 'updateRole', targetId: role.id, targetLabel: name, before, after: shown(role) });
      return toRole(role);
    });
  }

  delete(context: AdminContext, id: string, expectedVersion: number | null): Promise<string> {
    return inTurn(context, async (em) => {
      const role = await findOwn(em, context, id, expectedVersion);
      const holders = (await em.count(MembershipEntity, { roleId: id })) + (await em.count(InvitationEntity, { roleId: id }));
      if (holders > 0) throw refuseInput(['id'], 'CONFLICT', 'members or invitations have this role', 'give them another one first');
      em.remove(role);
      audit(em, context, { action: 'deleteRole', targetId: id, targetLabel: role.name, before: shown(role), after: null });
      return id;
    });
  }
}

function inTurn<Answer>(context: AdminContext, work: (em: EntityManager) => Promise<Answer>): Promise<Answer> {
  return context.em.transactional(async (em) => {
    await lockPeople(em, context.caller.organisationId);
    return work(em);
  });
}

/** One that whoever asks could have made. */
async function findOwn(em: EntityManager, context: AdminContext, id: string, expectedVersion: number | null): Promise<StoredRole> {
  if (builtInRoles().some((role) => role.id === id)) throw refuseInput(['id'], 'INVALID', 'a role that comes with the product stays as it is');
  const role = await em.findOne(RoleEntity, { id }, FOR_CHANGE);
  if (role === null) throw notFound('id', 'role');
  requireVersion(role, expectedVersion, 'role');
  requireAll(context, role.permissions);
  return role;
}

async function freeName(em: EntityManager, given: string, self: StoredRole | null): Promise<string> {
  const name = readName(given);
  const holder = await em.findOne(RoleEntity, { name });
  const isTaken = (holder !== null && holder !== self) || builtInRoles().some((role) => role.name === name.toUpperCase());
  if (isTaken) throw refuseInput(['name'], 'TAKEN', `the name ${name} is taken`);
  return name;
}

/** What the audit trail keeps. */
function shown({ name, permissions, version }: StoredRole): Record<string, unknown> {
  return { name, permissions: [...permissions], version };
}
