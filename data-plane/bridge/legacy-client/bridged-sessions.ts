/** The sessions that the bridge has opened, which live in their ids; a node keeps only what it has heard of them. */
import { randomUUID } from 'node:crypto';
import { Refusal } from '../../../shared/refusal.ts';
import { BridgedSession } from './bridged-session.ts';
import type { EndedSessions } from './ended-sessions.ts';

/** No server can issue such an id: its ids have no spaces (MCP 2025-11-25, Session management). */
const MARK = 'modern bridge ';
const SESSIONS_MAX = 10_000;

export class BridgedSessions {
  readonly #ended: EndedSessions;
  readonly #sessions = new Map<string, BridgedSession>();

  constructor(ended: EndedSessions) {
    this.#ended = ended;
  }

  static isOne(sessionId: string | undefined): sessionId is string {
    return sessionId?.startsWith(MARK) === true;
  }

  static newId(): string {
    return `${MARK}${randomUUID()}`;
  }

  /** Throws a refusal for a session that its client has ended. */
  find(sessionId: string): BridgedSession {
    if (this.#ended.has(sessionId)) throw new Refusal('mcp_not_found', 'unknown_session', 'this session has ended; start over with initialize');
    const session = this.#sessions.get(sessionId) ?? new BridgedSession(sessionId);
    // The one that was used last stands last.
    this.#sessions.delete(sessionId);
    this.#sessions.set(sessionId, session);
    if (this.#sessions.size > SESSIONS_MAX) this.#forgetOne();
    return session;
  }

  end(session: BridgedSession): void {
    this.#ended.add(session.id);
    this.#sessions.delete(session.id);
    session.end(new Refusal('client_closed_request', 'client_gone', 'the caller has ended this session'));
  }

  close(): void {
    for (const session of this.#sessions.values()) session.end(new Refusal('not_ready', 'draining'));
    this.#sessions.clear();
  }

  /** It loses its log level, its subscriptions and what is under way, and goes on: of the ones where nothing is, the oldest. */
  #forgetOne(): void {
    const [oldest] = this.#sessions.keys();
    for (const [sessionId, { isIdle }] of this.#sessions) if (isIdle) return this.#forget(sessionId);
    if (oldest !== undefined) this.#forget(oldest);
  }

  #forget(sessionId: string): void {
    this.#sessions.get(sessionId)?.end(new Refusal('overloaded', 'concurrent_requests', 'too many sessions have something under way'));
    this.#sessions.delete(sessionId);
  }
}
