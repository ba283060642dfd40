/** The rules of sessions: each sign-in begins one, and whoever has one sees and ends his own. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { newId } from '../../shared/ids.ts';
import { mintToken, readToken, type TokenHasher } from '../../shared/token.ts';
import { audit, type AuditedRequest } from '../audit/audit.ts';
import { ACROSS_TENANTS } from '../database/tenant-filter.ts';
import { notFound } from '../graphql/input-refused.ts';
import type { User } from '../members/user.entity.ts';
import type { UserContext, VisitorContext } from '../request-context.ts';
import { endOfSession, SESSION_MILLIS } from './session-life.ts';
import { SessionEntity, type Session } from './session.entity.ts';

/** The oldest ends when somebody has as many and begins another. */
const SESSIONS_MAX = 20;

export interface BegunSession {
  readonly session: Session;
  /** For the cookie, once the transaction is committed. */
  readonly token: string;
}

export class SessionsService {
  readonly #hasher: TokenHasher;

  constructor(hasher: TokenHasher) {
    this.#hasher = hasher;
  }

  /** Those that are good, the newest first. */
  async list({ em, caller }: UserContext): Promise<Session[]> {
    const sessions = await em.find(SessionEntity, { userId: caller.actor.id }, { orderBy: { id: 'desc' } });
    return sessions.filter((session) => endOfSession(session) > Date.now());
  }

  /** In the transaction of the sign-in, behind the filter of the person's organisation. The session that the browser had ends, whosever it was. */
  async begin(em: EntityManager, { em: anywhere, http }: VisitorContext, user: User): Promise<BegunSession> {
    if (http.session !== undefined && readToken(http.session).kind === 'session')
      await anywhere.nativeDelete(SessionEntity, { hash: this.#hasher.hash(http.session) }, ACROSS_TENANTS);
    const oldest = await em.find(SessionEntity, { userId: user.id }, { orderBy: { id: 'desc' }, offset: SESSIONS_MAX - 1 });
    em.remove(oldest);
    const { token } = mintToken('session');
    const session = em.create(SessionEntity, {
      id: newId('session'),
      organisationId: user.organisationId,
      userId: user.id,
      hash: this.#hasher.hash(token),
      client: http.client,
      address: http.address,
      expiresAt: new Date(Date.now() + SESSION_MILLIS),
    });
    return { session, token };
  }

  /** One of the caller's own, which may be the one that he asks with. */
  end(context: UserContext, id: string): Promise<string[]> {
    return context.em.transactional(async (em) => {
      const session = await em.findOne(SessionEntity, { id, userId: context.caller.actor.id });
      if (session === null) throw notFound('id', 'session');
      return endAll(em, context, 'revokeSession', { id: session.id, userId: session.userId });
    });
  }

  signOut(context: UserContext): Promise<string[]> {
    const { id: userId, sessionId } = context.caller.actor;
    return context.em.transactional((em) => endAll(em, context, 'signOut', { id: sessionId, userId }));
  }

  endOthers(context: UserContext): Promise<string[]> {
    return context.em.transactional((em) => endOtherSessions(em, context, 'revokeOtherSessions'));
  }
}

/** All of somebody's sessions, in the transaction of what ends them. */
export function endSessionsOf(em: EntityManager, request: AuditedRequest, action: string, userId: string): Promise<string[]> {
  return endAll(em, request, action, { userId });
}

/** All of the caller's but the one that he asks with. */
export function endOtherSessions(em: EntityManager, context: UserContext, action: string): Promise<string[]> {
  const { id: userId, sessionId } = context.caller.actor;
  return endAll(em, context, action, { userId, id: { $ne: sessionId } });
}

async function endAll(em: EntityManager, request: AuditedRequest, action: string, where: { userId: string; id?: string | { $ne: string } }): Promise<string[]> {
  const sessions = await em.find(SessionEntity, where);
  if (sessions.length === 0) return [];
  const ended = sessions.map(({ id }) => id);
  em.remove(sessions);
  audit(em, request, { action, targetId: where.userId, targetLabel: 'sessions', before: { sessionIds: ended }, after: null });
  return ended;
}
