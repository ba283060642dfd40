/** How somebody becomes a member: by an invitation, or as the first administrator by the setup link. Each is good for one person. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { newId } from '../../shared/ids.ts';
import { readToken, type TokenHasher } from '../../shared/token.ts';
import { audit } from '../audit/audit.ts';
import { ACROSS_TENANTS, insideOrganisation } from '../database/tenant-filter.ts';
import { FOR_CHANGE } from '../database/version-check.ts';
import { parseInput, refuseInput, type InputRefused } from '../graphql/input-refused.ts';
import { readName } from '../graphql/names.ts';
import type { VisitorContext } from '../request-context.ts';
import { newPasswordSchema, type Passwords } from '../sessions/passwords.ts';
import type { SessionsService } from '../sessions/sessions.service.ts';
import { readEmail } from './email.ts';
import { InvitationEntity, type Invitation } from './invitation.entity.ts';
import { MembershipEntity } from './membership.entity.ts';
import { countAdministrators, lockPeople } from './people-lock.ts';
import { requireNoMember } from './require-no-member.ts';
import { UserEntity, type User } from './user.entity.ts';

export interface AcceptInvitationInput {
  readonly token: string;
  readonly name: string;
  readonly password: string;
}

export interface SetUpInput extends AcceptInvitationInput {
  readonly email: string;
}

/** Somebody whom an identity provider vouches for. */
export interface Identity {
  /** The issuer and its name for the person. */
  readonly subject: string;
  /** Verified by the provider, in lower case. */
  readonly email: string;
  readonly name: string;
}

interface Newcomer {
  readonly action: 'acceptInvitation' | 'setUp';
  readonly email: string;
  readonly name: string;
  readonly passwordHash: string | null;
  readonly providerSubject: string | null;
}

export class AdmissionsService {
  readonly #hasher: TokenHasher;
  readonly #passwords: Passwords;
  readonly #sessions: SessionsService;

  constructor(parts: { hasher: TokenHasher; passwords: Passwords; sessions: SessionsService }) {
    this.#hasher = parts.hasher;
    this.#passwords = parts.passwords;
    this.#sessions = parts.sessions;
  }

  async accept(context: VisitorContext, input: AcceptInvitationInput): Promise<User> {
    const invitation = await this.#find(context.em, input.token);
    if (invitation.email == null) throw noInvitation();
    const { email } = invitation;
    return this.#admit(context, invitation, { action: 'acceptInvitation', email, ...(await this.#read(input)) });
  }

  async setUp(context: VisitorContext, input: SetUpInput): Promise<User> {
    const invitation = await this.#find(context.em, input.token);
    if (invitation.email != null) throw noInvitation();
    const email = readEmail(input.email);
    return this.#admit(context, invitation, { action: 'setUp', email, ...(await this.#read(input)) });
  }

  /** Of an invitation of that address: the provider's word stands for the token. */
  acceptIdentity(context: VisitorContext, invitation: Invitation, { subject, email, name }: Identity): Promise<User> {
    return this.#admit(context, invitation, { action: 'acceptInvitation', email, name, passwordHash: null, providerSubject: subject });
  }

  async #read({ name: given, password }: AcceptInvitationInput): Promise<Omit<Newcomer, 'action' | 'email'>> {
    const name = readName(given);
    const passwordHash = await this.#passwords.hash(parseInput(newPasswordSchema, password, ['password']));
    return { name, passwordHash, providerSubject: null };
  }

  /** Before any password is hashed, so that only who has a token costs anything. */
  async #find(em: EntityManager, token: string): Promise<Invitation> {
    if (readToken(token).kind !== 'invitation') throw noInvitation();
    const invitation = await em.findOne(InvitationEntity, { hash: this.#hasher.hash(token) }, ACROSS_TENANTS);
    if (invitation === null || invitation.expiresAt.getTime() <= Date.now()) throw noInvitation();
    return invitation;
  }

  async #admit(context: VisitorContext, { id, organisationId }: Invitation, newcomer: Newcomer): Promise<User> {
    const { user, session, token } = await insideOrganisation(context.em, organisationId).transactional(async (em) => {
      await lockPeople(em, organisationId);
      const invitation = await em.findOne(InvitationEntity, { id }, FOR_CHANGE);
      if (invitation === null) throw noInvitation();
      if (newcomer.action === 'setUp' && (await countAdministrators(em)) > 0) throw noInvitation();
      await requireNoMember(em, newcomer.email);
      em.remove(invitation);
      const user = await putUser(em, organisationId, newcomer);
      const { roleId, teamId } = invitation;
      const membership = em.create(MembershipEntity, { id: newId('membership'), organisationId, userId: user.id, roleId, teamId: teamId ?? null });
      const begun = await this.#sessions.begin(em, context, user);
      const actor = { kind: 'USER', id: user.id } as const;
      const after = { userId: user.id, email: user.email, name: user.name, roleId, teamId };
      const change = { action: newcomer.action, targetId: membership.id, targetLabel: user.email, before: null, after };
      audit(em, { ...context, caller: { organisationId, actor } }, change);
      return { user, ...begun };
    });
    context.http.keepSession(token, session.expiresAt);
    return user;
  }
}

/** The same for a token that was never one, was used, was taken back or has expired. */
function noInvitation(): InputRefused {
  return refuseInput(['token'], 'INVALID', 'the token is not known, was used already, or has expired', 'ask for a new one');
}

/** Who was a member before keeps the account, with what the audit trail says of it. */
async function putUser(em: EntityManager, organisationId: string, { email, name, passwordHash, providerSubject }: Newcomer): Promise<User> {
  const former = await em.findOne(UserEntity, { email }, FOR_CHANGE);
  const account = { name, passwordHash, providerSubject };
  const user = former ?? em.create(UserEntity, { id: newId('user'), organisationId, email, ...account });
  if (former !== null) em.assign(former, { ...account, updatedAt: new Date() });
  // The rows that point at it are written in an order of their own.
  await em.flush();
  return user;
}
