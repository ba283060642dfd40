/** The rules of invitations: a token that is shown once, good for a week and for one person. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { newId } from '../../shared/ids.ts';
import { mintToken, type TokenHasher } from '../../shared/token.ts';
import { audit } from '../audit/audit.ts';
import { FOR_CHANGE } from '../database/version-check.ts';
import type { Connection, Page } from '../graphql/connection.ts';
import { notFound, refuseInput } from '../graphql/input-refused.ts';
import { pageOf } from '../graphql/paged-query.ts';
import type { AdminContext } from '../request-context.ts';
import { grantableRole, requireWithin } from '../roles/granting.ts';
import { findRole } from '../roles/roles.ts';
import { readEmail } from './email.ts';
import { InvitationEntity, type Invitation } from './invitation.entity.ts';
import { lockPeople } from './people-lock.ts';
import { requireNoMember } from './require-no-member.ts';
import { requireTeam } from './require-team.ts';

export interface InviteMemberInput {
  readonly email: string;
  readonly roleId: string;
  readonly teamId: string | null;
}

export interface InvitationWithToken {
  readonly invitation: Invitation;
  readonly token: string;
}

const INVITATION_MILLIS = 7 * 86_400_000;
/** The setup link is nobody's invitation, and not among them. */
const OF_PEOPLE = { email: { $ne: null } } as const;

export class InvitationsService {
  readonly #hasher: TokenHasher;

  constructor(hasher: TokenHasher) {
    this.#hasher = hasher;
  }

  list({ em }: AdminContext, page: Page, info: GraphQLResolveInfo): Promise<Connection<Invitation>> {
    return pageOf(
      {
        find: (where, options) => em.find(InvitationEntity, { ...where, ...OF_PEOPLE }, options),
        count: () => em.count(InvitationEntity, OF_PEOPLE),
      },
      page,
      info,
    );
  }

  invite(context: AdminContext, input: InviteMemberInput): Promise<InvitationWithToken> {
    const email = readEmail(input.email);
    const { organisationId } = context.caller;
    const { token } = mintToken('invitation');
    return context.em.transactional(async (em) => {
      await lockPeople(em, organisationId);
      await grantableRole(em, context, input.roleId);
      await requireTeam(em, input.teamId);
      await requireNewcomer(em, email);
      const invitation = em.create(InvitationEntity, {
        id: newId('invitation'),
        organisationId,
        email,
        teamId: input.teamId,
        roleId: input.roleId,
        hash: this.#hasher.hash(token),
        expiresAt: new Date(Date.now() + INVITATION_MILLIS),
      });
      audit(em, context, { action: 'inviteMember', targetId: invitation.id, targetLabel: email, before: null, after: shown(invitation) });
      return { invitation, token };
    });
  }

  revoke(context: AdminContext, id: string): Promise<string> {
    return context.em.transactional(async (em) => {
      const invitation = await em.findOne(InvitationEntity, { id, ...OF_PEOPLE }, FOR_CHANGE);
      if (invitation === null) throw notFound('id', 'invitation');
      const role = await findRole(em, invitation.roleId);
      if (role !== null) requireWithin(context, role);
      em.remove(invitation);
      const targetLabel = invitation.email ?? '';
      audit(em, context, { action: 'revokeInvitation', targetId: id, targetLabel, before: shown(invitation), after: null });
      return id;
    });
  }
}

/** One that was not accepted in time makes room for the next. */
async function requireNewcomer(em: EntityManager, email: string): Promise<void> {
  await requireNoMember(em, email);
  const earlier = await em.findOne(InvitationEntity, { email });
  if (earlier === null) return;
  if (earlier.expiresAt.getTime() > Date.now()) throw refuseInput(['email'], 'TAKEN', 'the person is invited already', 'revoke that invitation first');
  em.remove(earlier);
  await em.flush();
}

/** What the audit trail keeps: everything but the hash. */
function shown({ email, roleId, teamId, expiresAt }: Invitation): Record<string, unknown> {
  return { email, roleId, teamId, expiresAt };
}
