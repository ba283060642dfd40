/** Signing in with a password: what is wrong with an attempt is never told, and cannot be told from the time that the answer takes. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import { audit } from '../audit/audit.ts';
import { ACROSS_TENANTS, insideOrganisation } from '../database/tenant-filter.ts';
import { FOR_CHANGE } from '../database/version-check.ts';
import { parseInput, refuseInput } from '../graphql/input-refused.ts';
import { MembershipEntity } from '../members/membership.entity.ts';
import { UserEntity, type User } from '../members/user.entity.ts';
import { OrganisationEntity } from '../organisations/organisation.entity.ts';
import type { UserContext, VisitorContext } from '../request-context.ts';
import { newPasswordSchema, type Passwords } from './passwords.ts';
import { endOtherSessions, type SessionsService } from './sessions.service.ts';
import { countAttempt, forgiveAttempt } from './sign-in-throttle.ts';

export interface SignInInput {
  readonly email: string;
  readonly password: string;
  /** The slug, for an address that has accounts in several organisations. */
  readonly organisation: string | null;
}

export interface ChangePasswordInput {
  readonly currentPassword: string;
  readonly newPassword: string;
}

export class SignInService {
  readonly #passwords: Passwords;
  readonly #sessions: SessionsService;
  readonly #log: Logger;

  constructor(parts: { passwords: Passwords; sessions: SessionsService; log: Logger }) {
    this.#passwords = parts.passwords;
    this.#sessions = parts.sessions;
    this.#log = parts.log;
  }

  async signIn(context: VisitorContext, { email: given, password, organisation }: SignInInput): Promise<User> {
    const { em, http } = context;
    const email = given.trim().toLowerCase();
    await countAttempt(em, { email, address: http.address });
    const account = await findAccount(em, email, organisation);
    const isRight = await this.#passwords.isRight(password, account?.passwordHash ?? null);
    if (account === null || !isRight) {
      this.#log.warn({ address: http.address, requestId: context.requestId }, 'an attempt to sign in was refused');
      throw refuseInput(null, 'INVALID', 'the address or the password is wrong', 'who has accounts in several organisations names the organisation as well');
    }
    await forgiveAttempt(em, { email, address: http.address });
    return this.begin(context, account, account.providerSubject ?? null);
  }

  /** Whoever else is signed in as this person must sign in anew. */
  async changePassword(context: UserContext, { currentPassword, newPassword }: ChangePasswordInput): Promise<string[]> {
    const { em, caller, http } = context;
    parseInput(newPasswordSchema, newPassword, ['newPassword']);
    const { id, email, passwordHash } = await em.findOneOrFail(UserEntity, { id: caller.actor.id });
    // A socket is not asked for its address; its session is as good a name for whoever guesses.
    const attempt = { email, address: http?.address ?? caller.actor.sessionId };
    await countAttempt(em, attempt);
    if (!(await this.#passwords.isRight(currentPassword, passwordHash ?? null)))
      throw refuseInput(['currentPassword'], 'INVALID', 'this is not the current password');
    await forgiveAttempt(em, attempt);
    const newHash = await this.#passwords.hash(newPassword);
    return em.transactional(async (inside) => {
      const user = await inside.findOneOrFail(UserEntity, { id }, { ...FOR_CHANGE, refresh: true });
      if (user.passwordHash !== passwordHash) throw refuseInput(['currentPassword'], 'CONFLICT', 'the password was changed at the same moment');
      inside.assign(user, { passwordHash: newHash, updatedAt: new Date() });
      audit(inside, context, { action: 'changePassword', targetId: id, targetLabel: email, before: null, after: null });
      return endOtherSessions(inside, context, 'changePassword');
    });
  }

  /** For an account that was shown to be the visitor's. The person may have been removed, or given another password, in the meantime. */
  async begin(context: VisitorContext, { id, organisationId, passwordHash }: User, providerSubject: string | null): Promise<User> {
    const { user, session, token } = await insideOrganisation(context.em, organisationId).transactional(async (em) => {
      const membership = await em.findOne(MembershipEntity, { userId: id, state: 'ACTIVE' }, FOR_CHANGE);
      const user = await em.findOne(UserEntity, { id, passwordHash }, FOR_CHANGE);
      if (user === null || membership === null) throw refuseInput(null, 'CONFLICT', 'the account was changed at the same moment');
      em.assign(user, { providerSubject });
      const begun = await this.#sessions.begin(em, context, user);
      const actor = { kind: 'USER', id } as const;
      const change = { targetId: id, targetLabel: user.email, before: null, after: { sessionId: begun.session.id } };
      audit(em, { ...context, caller: { organisationId, actor } }, { action: 'signIn', ...change });
      return { user, ...begun };
    });
    context.http.keepSession(token, session.expiresAt);
    return user;
  }
}

/** Null too when the address has several accounts and no organisation is named. */
async function findAccount(em: EntityManager, email: string, slug: string | null): Promise<User | null> {
  const organisation = slug === null ? null : await em.findOne(OrganisationEntity, { slug });
  const found = await em.find(UserEntity, { email }, ACROSS_TENANTS);
  const members = await em.find(MembershipEntity, { userId: { $in: found.map(({ id }) => id) }, state: 'ACTIVE' }, ACROSS_TENANTS);
  const accounts = found.filter(
    ({ id, organisationId }) => members.some(({ userId }) => userId === id) && (slug === null || organisationId === organisation?.id),
  );
  return accounts.length === 1 ? (accounts[0] ?? null) : null;
}
