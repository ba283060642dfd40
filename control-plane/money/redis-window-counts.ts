/** Shows what the data planes have counted in Redis, as a reader that never keeps anybody waiting for long. */
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import {
  countsKeyOf,
  NOTHING_COUNTED,
  readPackedWindow,
  WindowCountsUnavailable,
  type WindowCounts,
  type WindowCountsSource,
} from '../../shared/window-counts.ts';

const COMMAND_TIMEOUT_MILLIS = 1000;
const RECONNECT_MILLIS_MAX = 1000;

export class RedisWindowCounts implements WindowCountsSource {
  readonly #redis: Redis;

  constructor(url: string, log: Logger) {
    this.#redis = new Redis(url, {
      protocol: 2,
      commandTimeout: COMMAND_TIMEOUT_MILLIS,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      retryStrategy: (attempt) => Math.min(RECONNECT_MILLIS_MAX, attempt * 50) * (0.5 + Math.random() / 2),
    });
    this.#redis.on('error', (error) => log.debug({ err: error }, 'the counters cannot be read'));
  }

  async read(organisationId: string, keys: readonly string[]): Promise<readonly WindowCounts[]> {
    if (keys.length === 0) return [];
    try {
      const packed = await this.#redis.hmgetBuffer(countsKeyOf(organisationId), ...keys);
      return packed.map((window) => (window === null ? NOTHING_COUNTED : readPackedWindow(window)));
    } catch (cause) {
      throw new WindowCountsUnavailable('the counters do not answer', { cause });
    }
  }

  close(): Promise<void> {
    this.#redis.disconnect();
    return Promise.resolve();
  }
}
