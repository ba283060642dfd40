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
import { readLook, WAITING_ENTRIES_MAX, type LedgerLook, type LedgerSource } from './ledger-look.ts';

const COMMAND_TIMEOUT_MILLIS = 1000;
const RECONNECT_MILLIS_MAX = 1000;

export class RedisWindowCounts implements WindowCountsSource, LedgerSource {
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

  async look(organisationId: string, keys: readonly string[]): Promise<LedgerLook | undefined> {
    try {
      const asked = this.#redis
        .multi()
        .info('server')
        .hmgetBuffer(countsKeyOf(organisationId), 'epoch', ...keys)
        .hvals(`{${organisationId}}:intents`)
        .xrange(`{${organisationId}}:usage`, '-', '+', 'COUNT', WAITING_ENTRIES_MAX);
      return readLook(await asked.exec());
    } catch (cause) {
      throw new WindowCountsUnavailable('the ledger cannot be looked at', { cause });
    }
  }

  close(): Promise<void> {
    this.#redis.disconnect();
    return Promise.resolve();
  }
}
