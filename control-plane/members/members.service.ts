/** The rules of membership: what somebody may do ends with it at once, and an organisation always has an administrator. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { endKeysOf } from '../api-keys/keys-of-person.ts';
import { audit } from '../audit/audit.ts';
import { appendConfigChanges } from '../config-feed/change-log.ts';
import { FOR_CHANGE, requireVersion } from '../database/version-check.ts';
import type { Connection, Page } from '../graphql/connection.ts';
import { notFound } from '../graphql/input-refused.ts';
import { pageOf } from '../graphql/paged-query.ts';
import type { AdminContext } from '../request-context.ts';
import { grantableRole, requireWithin } from '../roles/granting.ts';
import { findRole } from '../roles/roles.ts';
import { endSessionsOf } from '../sessions/sessions.service.ts';
import { takeConnectionsAway } from '../upstream-oauth/upstream-connections.service.ts';
import { MembershipEntity, type Membership } from './membership.entity.ts';
import { isAdministrator, lockPeople, requireAdministrator } from './people-lock.ts';
import { requireTeam } from './require-team.ts';
import { UserEntity, type User } from './user.entity.ts';

export interface UpdateMemberInput {
  readonly id: string;
  readonly expectedVersion: number | null;
  /** What is undefined stays as it is. */
  readonly roleId: string | undefined;
  readonly teamId: string | null | undefined;
  readonly suspended: boolean | undefined;
}

export class MembersService {
  list({ em }: AdminContext, page: Page, info: GraphQLResolveInfo): Promise<Connection<Membership>> {
    return pageOf({ find: (where, options) => em.find(MembershipEntity, where, options), count: () => em.count(MembershipEntity) }, page, info);
  }

  update(context: AdminContext, input: UpdateMemberInput): Promise<Membership> {
    return change(context, input.id, input.expectedVersion, async (em, membership, user) => {
      const [before, wasAdministrator] = [shown(membership), isAdministrator(membership)];
      const { roleId = membership.roleId, teamId = membership.teamId ?? null, suspended = membership.state === 'SUSPENDED' } = input;
      if (roleId !== membership.roleId) await grantableRole(em, context, roleId);
      await requireTeam(em, teamId);
      const state = suspended ? 'SUSPENDED' : 'ACTIVE';
      em.assign(membership, { roleId, teamId, state, version: membership.version + 1, updatedAt: new Date() });
      await em.flush();
      if (wasAdministrator) await requireAdministrator(em, suspended ? 'suspended' : 'roleId');
      audit(em, context, { action: 'updateMember', targetId: membership.id, targetLabel: user.email, before, after: shown(membership) });
      if (suspended) {
        await endSessionsOf(em, context, 'updateMember', user.id);
        await endKeysOf(em, context, user.id, 'DISABLED');
      }
      return membership;
    });
  }

  /** The account stays, for what the audit trail says of it; nobody can sign in with it, and none of its own sign-ins to servers goes on. */
  remove(context: AdminContext, id: string, expectedVersion: number | null): Promise<string> {
    return change(context, id, expectedVersion, async (em, membership, user) => {
      em.remove(membership);
      em.assign(user, { passwordHash: null, providerSubject: null, updatedAt: new Date() });
      await em.flush();
      if (isAdministrator(membership)) await requireAdministrator(em, 'id');
      audit(em, context, { action: 'removeMember', targetId: id, targetLabel: user.email, before: shown(membership), after: null });
      await endSessionsOf(em, context, 'removeMember', user.id);
      await endKeysOf(em, context, user.id, 'REVOKED');
      const connections = await takeConnectionsAway(em, { userId: user.id });
      if (connections.length > 0) await appendConfigChanges(em, connections);
      return id;
    });
  }
}

/** Of somebody who may do no more than whoever asks, one change after the other. */
function change<Answer>(
  context: AdminContext,
  id: string,
  expectedVersion: number | null,
  work: (em: EntityManager, membership: Membership, user: User) => Promise<Answer>,
): Promise<Answer> {
  return context.em.transactional(async (em) => {
    await lockPeople(em, context.caller.organisationId);
    const membership = await em.findOne(MembershipEntity, { id }, FOR_CHANGE);
    if (membership === null) throw notFound('id', 'member');
    requireVersion(membership, expectedVersion, 'member');
    const role = await findRole(em, membership.roleId);
    if (role !== null) requireWithin(context, role);
    return work(em, membership, await em.findOneOrFail(UserEntity, { id: membership.userId }, FOR_CHANGE));
  });
}

/** What the audit trail keeps. */
function shown({ userId, teamId, roleId, state, version }: Membership): Record<string, unknown> {
  return { userId, teamId, roleId, state, version };
}
