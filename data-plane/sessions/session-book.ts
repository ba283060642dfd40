/** What became of sessions that their servers forgot or their callers ended: every node has to know, whichever of them heard of it. */

/** A session of a caller's on a server that is reached over HTTP. */
export interface BookedSession {
  readonly organisationId: string;
  readonly serverId: string;
  /** A server may give one id to two keys, by counting anew after a restart: what became of the one's session is nothing to the other. */
  readonly apiKeyId: string;
  /** The server's id of it, as the session id of ours carries it for ever. */
  readonly upstreamSessionId: string;
}

export type SessionFate =
  /** Its caller ended it. */
  | { readonly kind: 'ended' }
  /** The server forgot it, and this session of the server's stands for it since. */
  | { readonly kind: 'healed'; readonly upstreamSessionId: string };

export const ENDED: SessionFate = { kind: 'ended' };

/** How long an entry is kept after it was last asked for or changed. */
export const ENTRY_MILLIS = 24 * 60 * 60 * 1000;

/** The book does not answer: nobody may take the place of a session then, since its caller may have ended it. */
export class SessionBookUnavailable extends Error {
  override readonly name = 'SessionBookUnavailable';
}

export interface SessionBook {
  /** Undefined for a session of which nothing is known. Rejects with `SessionBookUnavailable` and nothing else. */
  find(session: BookedSession): Promise<SessionFate | undefined>;
  /** For good. Never rejects: a book that is away is told when it is back. */
  end(session: BookedSession): Promise<void>;
  /**
   * Puts `fresh` in the place of `forgotten`, unless something else stands there by now; answers what stands there afterwards. Rejects with
   * `SessionBookUnavailable` and nothing else.
   */
  heal(session: BookedSession, forgotten: string, fresh: string): Promise<SessionFate>;
}
