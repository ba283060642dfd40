/** The session book that all nodes share: an entry of Redis for each session that was healed or ended. */
import { hash } from 'node:crypto';
import { z } from 'zod';
import { keysOf } from '../counters/redis-keys.ts';
import type { RedisLink } from '../counters/redis-link.ts';
import { RedisScripts } from '../counters/redis-scripts.ts';
import { ENDED, ENTRY_MILLIS, SessionBookUnavailable, type BookedSession, type SessionBook, type SessionFate } from './session-book.ts';

/** No id of a session begins with it, since what stands for one is written behind a plus. */
const ENDED_VALUE = '-';
const HEALED_PREFIX = '+';
/** Endings that Redis was not there for. */
const UNTOLD_MAX = 10_000;
const valueSchema = z.string().nullable();

export class RedisSessionBook implements SessionBook {
  readonly #link: RedisLink;
  readonly #scripts: RedisScripts;
  /** Keys of sessions that ended while Redis was away. */
  readonly #untold = new Set<string>();

  /** The link belongs to whoever made it. */
  constructor(link: RedisLink) {
    this.#link = link;
    this.#scripts = new RedisScripts(link.redis);
    link.onReturn(() => this.#tell());
  }

  async find(session: BookedSession): Promise<SessionFate | undefined> {
    const key = keyOf(session);
    return fateIn(await this.#ask(() => this.#link.redis.getex(key, 'PX', ENTRY_MILLIS)));
  }

  async end(session: BookedSession): Promise<void> {
    await this.#tellEnd(keyOf(session));
  }

  async heal(session: BookedSession, forgotten: string, fresh: string): Promise<SessionFate> {
    const values = [HEALED_PREFIX + forgotten, HEALED_PREFIX + fresh, String(ENTRY_MILLIS)];
    const fate = fateIn(await this.#ask(() => this.#scripts.run('heal', [keyOf(session)], values)));
    if (fate === undefined) throw new SessionBookUnavailable('Redis has healed a session and does not know it');
    return fate;
  }

  async #ask(command: () => Promise<unknown>): Promise<string | null> {
    if (!this.#link.isAvailable) throw new SessionBookUnavailable('Redis does not answer');
    try {
      return valueSchema.parse(await command());
    } catch (cause) {
      this.#link.lost(cause);
      throw new SessionBookUnavailable('Redis does not answer', { cause });
    }
  }

  async #tellEnd(key: string): Promise<void> {
    this.#untold.add(key);
    const [oldest] = this.#untold;
    if (this.#untold.size > UNTOLD_MAX && oldest !== undefined) this.#untold.delete(oldest);
    if (!this.#link.isAvailable) return;
    try {
      await this.#link.redis.set(key, ENDED_VALUE, 'PX', ENTRY_MILLIS);
      this.#untold.delete(key);
    } catch (error) {
      // It stays untold, and is told when Redis is back.
      this.#link.lost(error);
    }
  }

  #tell(): void {
    for (const key of this.#untold) void this.#tellEnd(key);
  }
}

function keyOf({ organisationId, serverId, apiKeyId, upstreamSessionId }: BookedSession): string {
  return keysOf(organisationId).session + hash('sha256', `${serverId} ${apiKeyId} ${upstreamSessionId}`, 'base64url');
}

function fateIn(value: string | null): SessionFate | undefined {
  if (value === null) return undefined;
  return value === ENDED_VALUE ? ENDED : { kind: 'healed', upstreamSessionId: value.slice(HEALED_PREFIX.length) };
}
