/** The connection to Redis as counting and the session book need it: nothing is queued or sent again behind our back, and a silent Redis is noticed. */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { PatientRedis } from './patient-redis.ts';

const PROBE_MILLIS = 200;
const RECONNECT_MILLIS_MAX = 1000;
/** A connection over which nothing was written for this long is given up: after a failover the same name may lead to another Redis. */
const AWAY_MILLIS_MAX = 15_000;
const PROBE_KEY = 'turnpike:probe';

/** Options under which no command is ever applied twice without our knowing (`reliability.md`, Decisions 3). */
export function connectRedis(url: string): Redis {
  return new PatientRedis(url, {
    protocol: 2,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    enableReadyCheck: true,
    retryStrategy: (attempt) => Math.min(RECONNECT_MILLIS_MAX, 20 * 2 ** Math.min(attempt, 6)) * (0.5 + Math.random() / 2),
  });
}

export class RedisLink {
  readonly redis: Redis;
  readonly #log: Logger;
  readonly #onReturn: (() => void)[] = [];
  #isAvailable = false;
  #isClosed = false;
  #isAwayLogged = false;
  #awaySince = 0;
  #probe: NodeJS.Timeout | undefined;

  constructor(redis: Redis, log: Logger) {
    this.redis = redis;
    this.#log = log;
    // Without a listener ioredis prints; with one per attempt it would be a line every second.
    redis.on('error', (error: Error) => this.lost(error));
    redis.on('close', () => this.lost(new Error('the connection was closed')));
    redis.on('ready', () => void this.#ask());
  }

  /** Called each time Redis answers again after it did not. */
  onReturn(listener: () => void): void {
    this.#onReturn.push(listener);
  }

  get isAvailable(): boolean {
    return this.#isAvailable;
  }

  /** Something went wrong with a command: until Redis takes a write again, nobody else needs to wait for it. */
  lost(error: unknown): void {
    if (this.#isClosed) return;
    if (!this.#isAwayLogged) this.#log.warn({ err: withoutCommand(error) }, 'Redis does not answer; counting goes on by the declared fail modes');
    this.#isAwayLogged = true;
    this.#isAvailable = false;
    if (this.#probe !== undefined) return;
    this.#awaySince = performance.now();
    this.#probe = setInterval(() => void this.#ask(), PROBE_MILLIS);
    this.#probe.unref();
  }

  close(): void {
    this.#isClosed = true;
    this.#isAvailable = false;
    clearInterval(this.#probe);
    this.redis.disconnect();
  }

  /** A write, since a full or read-only Redis answers pings and counts nothing. */
  async #ask(): Promise<void> {
    try {
      await this.redis.set(PROBE_KEY, '', 'PX', AWAY_MILLIS_MAX);
      this.#found();
    } catch (error) {
      this.#log.debug({ err: error }, 'Redis is still away');
      if (this.#isClosed || this.redis.status !== 'ready') return void (this.#awaySince = performance.now());
      if (performance.now() - this.#awaySince < AWAY_MILLIS_MAX) return;
      this.#awaySince = performance.now();
      this.redis.disconnect(true);
    }
  }

  #found(): void {
    clearInterval(this.#probe);
    this.#probe = undefined;
    if (this.#isAvailable || this.#isClosed) return;
    this.#isAvailable = true;
    this.#isAwayLogged = false;
    this.#log.info('Redis answers');
    for (const listener of this.#onReturn) listener();
  }
}

/** What was to be written is nothing for a log: there are ids among it that open sessions of servers. */
function withoutCommand(error: unknown): unknown {
  return error instanceof Error ? { type: error.name, message: error.message } : error;
}
