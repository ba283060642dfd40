/** The connection to Redis as counting needs it: nothing is queued or sent again behind our back, and a silent Redis is noticed. */
import { Redis } from 'ioredis';
import type { Logger } from 'pino';

const COMMAND_TIMEOUT_MILLIS = 250;
const PROBE_MILLIS = 200;
const RECONNECT_MILLIS_MAX = 1000;

/** Options under which no command is ever applied twice without our knowing (`reliability.md`, Decisions 3). */
export function connectRedis(url: string): Redis {
  return new Redis(url, {
    protocol: 2,
    commandTimeout: COMMAND_TIMEOUT_MILLIS,
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
  readonly #onReturn: () => void;
  #isAvailable = false;
  #probe: NodeJS.Timeout | undefined;

  /** `onReturn` is called each time Redis answers again after it did not. */
  constructor(redis: Redis, log: Logger, onReturn: () => void) {
    this.redis = redis;
    this.#log = log;
    this.#onReturn = onReturn;
    // Without a listener ioredis prints; with one per attempt it would be a line every second.
    redis.on('error', (error: Error) => this.lost(error));
    redis.on('ready', () => this.#found());
  }

  get isAvailable(): boolean {
    return this.#isAvailable;
  }

  /** Something went wrong with a command: until Redis answers a ping, nobody else needs to wait for it. */
  lost(error: unknown): void {
    if (this.#isAvailable) this.#log.warn({ err: error }, 'Redis does not answer; counting goes on by the declared fail modes');
    this.#isAvailable = false;
    this.#probe ??= setInterval(() => void this.#ask(), PROBE_MILLIS);
    this.#probe.unref();
  }

  close(): void {
    clearInterval(this.#probe);
    this.redis.disconnect();
  }

  async #ask(): Promise<void> {
    try {
      await this.redis.ping();
      this.#found();
    } catch (error) {
      this.#log.debug({ err: error }, 'Redis is still away');
    }
  }

  #found(): void {
    clearInterval(this.#probe);
    this.#probe = undefined;
    if (this.#isAvailable) return;
    this.#isAvailable = true;
    this.#log.info('Redis answers');
    this.#onReturn();
  }
}
