/** Puts new upstream sessions in the place of those that a server forgot, so that a caller's own session goes on. */
import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.ts';
import { Refusal } from '../../shared/refusal.ts';
import { readIntroduction } from '../mcp/introduction.ts';
import { ENDED, type BookedSession, type SessionBook, type SessionFate } from '../sessions/session-book.ts';
import { headerIn } from './forwarded-headers.ts';
import type { UpstreamRequest } from './transport.ts';
import { dismiss, introduce } from './upstream-handshake.ts';
import { pathOf, type UpstreamTarget } from './upstream-target.ts';

export interface HealerParts {
  readonly book: SessionBook;
  readonly clock: Clock;
  readonly log: Logger;
}

interface KnownFate {
  readonly fate: SessionFate;
  /** When the book was asked or told last, in monotonic milliseconds. */
  readonly askedAt: number;
}

const KNOWN_MAX = 50_000;
/** Long before the book forgets what is in use. */
const ASK_AGAIN_MILLIS = 3_600_000;

export class SessionHealer {
  readonly #parts: HealerParts;
  /** What this node knows, so that messages need not wait for the book. In the order in which it was learned. */
  readonly #known = new Map<string, KnownFate>();
  readonly #healing = new Map<string, Promise<string | undefined>>();

  constructor(parts: HealerParts) {
    this.#parts = parts;
  }

  /** The upstream session that stands for the caller's, as far as this node knows. Throws the refusal of a session that its caller ended. */
  current(request: UpstreamRequest, sessionId: string): string {
    if (this.#known.size === 0) return sessionId;
    const session = bookedSession(request, sessionId);
    const known = this.#known.get(keyOf(session));
    if (known === undefined) return sessionId;
    if (known.fate.kind === 'ended') throw new Refusal('mcp_not_found', 'unknown_session', 'this session was ended; start over with initialize');
    if (this.#parts.clock.elapsed() - known.askedAt > ASK_AGAIN_MILLIS) this.#askAgain(session, known.fate);
    return known.fate.upstreamSessionId;
  }

  /** The server opened a session: some servers give an id again that a session had which was ended or healed. */
  begin(request: UpstreamRequest, sessionId: string): void {
    this.#known.delete(keyOf(bookedSession(request, sessionId)));
  }

  /** The caller ended its session: resolves when no node will heal it any more, or is bound to hear so from a book that is away. */
  async end(request: UpstreamRequest, sessionId: string): Promise<void> {
    const session = bookedSession(request, sessionId);
    this.#learn(session, ENDED);
    await this.#parts.book.end(session);
  }

  /**
   * An upstream session with which the message may be sent again, once for all who ask at the same time; undefined when there is none and the answer
   * stands. `forgotten` is the one that the server has just refused. Rejects when book or server cannot be asked.
   */
  heal(target: UpstreamTarget, request: UpstreamRequest, sessionId: string, forgotten: string): Promise<string | undefined> {
    const session = bookedSession(request, sessionId);
    const key = keyOf(session);
    let healing = this.#healing.get(key);
    if (healing === undefined) {
      healing = this.#replace(target, request, session, forgotten).finally(() => this.#healing.delete(key));
      this.#healing.set(key, healing);
    }
    return healing;
  }

  async #replace(target: UpstreamTarget, request: UpstreamRequest, session: BookedSession, forgotten: string): Promise<string | undefined> {
    const standing = standIn(this.#known.get(keyOf(session))?.fate);
    if (standing !== undefined && standing !== forgotten) return standing;
    const fate = await this.#parts.book.find(session);
    if (fate !== undefined) this.#learn(session, fate);
    if (fate?.kind === 'ended') return undefined;
    if (fate !== undefined && fate.upstreamSessionId !== forgotten) return fate.upstreamSessionId;
    // Nobody opens a session in order to end it.
    if (request.httpMethod === 'DELETE') return undefined;
    const fresh = await this.#open(target, request);
    return fresh === undefined ? undefined : this.#enter(target, request, session, { forgotten, fresh });
  }

  /** Introduces the client as it introduced itself; a server that does not agree on the same revision any more is of no use to it. */
  async #open(target: UpstreamTarget, request: UpstreamRequest): Promise<string | undefined> {
    if (request.introduction === undefined) return undefined;
    const introduction = readIntroduction(request.introduction);
    const agreed = headerIn(request.forwardedHeaders, 'mcp-protocol-version');
    const path = pathOf(target, request.tailPath);
    const opened = await introduce(
      { target, path, limits: request.server.limits },
      { ...introduction, protocolVersion: agreed ?? introduction.protocolVersion },
    );
    if (opened === undefined || agreed === undefined || opened.protocolVersion === agreed) return opened?.id;
    await this.#dismiss(target, path, opened.id);
    return undefined;
  }

  /** Another node may have been faster, or the caller may have ended its session meanwhile: then the fresh one is not needed. */
  async #enter(
    target: UpstreamTarget,
    request: UpstreamRequest,
    session: BookedSession,
    { forgotten, fresh }: { forgotten: string; fresh: string },
  ): Promise<string | undefined> {
    let standing: string | undefined;
    try {
      const fate = await this.#parts.book.heal(session, forgotten, fresh);
      this.#learn(session, fate);
      standing = standIn(fate);
    } finally {
      if (standing !== fresh) await this.#dismiss(target, pathOf(target, request.tailPath), fresh);
    }
    if (standing === fresh) this.#parts.log.info({ serverId: session.serverId }, 'a server forgot a session; its client was introduced anew');
    return standing;
  }

  async #dismiss(target: UpstreamTarget, path: string, sessionId: string): Promise<void> {
    try {
      await dismiss(target, path, sessionId);
    } catch (error) {
      this.#parts.log.debug({ err: error }, 'a session that nobody needs could not be ended');
    }
  }

  /** Keeps the entry from being forgotten, and hears what other nodes did. */
  #askAgain(session: BookedSession, fate: SessionFate): void {
    this.#learn(session, fate);
    this.#parts.book.find(session).then(
      (found) => found !== undefined && this.#learn(session, found),
      (error: unknown) => this.#parts.log.debug({ err: error }, 'the session book could not be asked'),
    );
  }

  #learn(session: BookedSession, fate: SessionFate): void {
    const key = keyOf(session);
    // What was healed just before it was ended may be heard of just after.
    if (this.#known.get(key)?.fate.kind === 'ended') return;
    this.#known.delete(key);
    this.#known.set(key, { fate, askedAt: this.#parts.clock.elapsed() });
    const [oldest] = this.#known.keys();
    if (this.#known.size > KNOWN_MAX && oldest !== undefined) this.#known.delete(oldest);
  }
}

function standIn(fate: SessionFate | undefined): string | undefined {
  return fate?.kind === 'healed' ? fate.upstreamSessionId : undefined;
}

function bookedSession({ server, apiKeyId }: UpstreamRequest, upstreamSessionId: string): BookedSession {
  return { organisationId: server.config.organisationId, serverId: server.config.id, apiKeyId, upstreamSessionId };
}

function keyOf({ serverId, apiKeyId, upstreamSessionId }: BookedSession): string {
  return `${serverId} ${apiKeyId} ${upstreamSessionId}`;
}
