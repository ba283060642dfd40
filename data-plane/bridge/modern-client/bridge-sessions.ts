/** The sessions that the bridge has with servers: one for each server, key and set of client capabilities, opened when it is needed. */
import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import { Refusal } from '../../../shared/refusal.ts';
import type { Transport, UpstreamRequest } from '../../transports/transport.ts';
import { BridgeSession } from './bridge-session.ts';
import { canonicalJson, legacyCapabilities, type ModernMeta } from './modern-meta.ts';
import { openLink, type Introducing } from './session-link.ts';

export interface SessionLimits {
  readonly sessionsMax: number;
  readonly sessionsPerKeyMax: number;
  /** How long a session is kept without a call and without anybody who listens. */
  readonly idleMillis: number;
}

export const SESSION_LIMITS: SessionLimits = { sessionsMax: 1000, sessionsPerKeyMax: 16, idleMillis: 300_000 };
const GOODBYE_MILLIS_MAX = 1000;

interface Entry {
  readonly serverId: string;
  readonly apiKeyId: string;
  readonly opening: Promise<BridgeSession>;
  /** Undefined while it is being opened. */
  session: BridgeSession | undefined;
}

export class BridgeSessions {
  readonly #inner: Pick<Transport, 'send'>;
  readonly #log: Logger;
  readonly #limits: SessionLimits;
  /** In the order in which they were last used. */
  readonly #entries = new Map<string, Entry>();
  /** Also those that are found no longer, and end with their last call. */
  readonly #sessions = new Set<BridgeSession>();
  #isClosed = false;

  constructor(inner: Pick<Transport, 'send'>, log: Logger, limits: SessionLimits) {
    this.#inner = inner;
    this.#log = log;
    this.#limits = limits;
  }

  /** The session that serves a request; opened once for all who wait. Rejects with a refusal when there is none to be had. */
  async find(request: UpstreamRequest, meta: ModernMeta): Promise<BridgeSession> {
    const { server, apiKeyId, tailPath } = request;
    const capabilities = legacyCapabilities(meta);
    const place = createHash('sha256')
      .update(canonicalJson([server.config.id, apiKeyId, tailPath, capabilities]))
      .digest('base64url');
    const entry = this.#entries.get(place) ?? this.#newEntry(request, { ...meta, capabilities }, place);
    this.#entries.delete(place);
    this.#entries.set(place, entry);
    return entry.opening;
  }

  /** Those of the server end when they are idle. */
  retire(serverId: string): void {
    for (const [place, entry] of this.#entries) {
      if (entry.serverId !== serverId) continue;
      this.#entries.delete(place);
      entry.opening.then(
        (session) => session.retire(),
        () => undefined,
      );
    }
  }

  /** Says goodbye to the servers, and does not wait long for their answers. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#entries.clear();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, GOODBYE_MILLIS_MAX)));
    await Promise.race([late, Promise.all([...this.#sessions].map((session) => session.end()))]);
    clearTimeout(timer);
  }

  #newEntry(request: UpstreamRequest, introducing: Introducing, place: string): Entry {
    if (this.#isClosed) throw new Refusal('not_ready', 'draining');
    const { server, apiKeyId } = request;
    this.#makeRoomFor(apiKeyId);
    const forget = () => {
      if (this.#entries.get(place) === entry) this.#entries.delete(place);
    };
    const entry: Entry = { serverId: server.config.id, apiKeyId, opening: this.#open(request, introducing, forget), session: undefined };
    entry.opening.then((session) => (entry.session = session), forget);
    return entry;
  }

  async #open(request: UpstreamRequest, introducing: Introducing, onOver: () => void): Promise<BridgeSession> {
    const session = new BridgeSession({
      link: await openLink(this.#inner, request, introducing),
      capabilities: introducing.capabilities,
      hasOneChannel: request.server.config.transport !== 'STREAMABLE_HTTP',
      log: this.#log,
      idleMillis: this.#limits.idleMillis,
      onOver: () => {
        this.#sessions.delete(session);
        onOver();
      },
    });
    this.#sessions.add(session);
    return session;
  }

  /** An idle session gives way, the one that was used longest ago: of the same key, or of any when there are too many in all. */
  #makeRoomFor(apiKeyId: string): void {
    const { sessionsMax, sessionsPerKeyMax } = this.#limits;
    const own = [...this.#entries.values()].filter((entry) => entry.apiKeyId === apiKeyId);
    const crowd = own.length >= sessionsPerKeyMax ? own : this.#entries.size >= sessionsMax ? [...this.#entries.values()] : [];
    if (crowd.length === 0) return;
    const idle = crowd.find(({ session }) => session?.isIdle === true)?.session;
    if (idle === undefined)
      throw new Refusal('overloaded', 'concurrent_requests', 'this key has as many sessions with servers as it may', { limit: sessionsPerKeyMax });
    void idle.end();
  }
}
