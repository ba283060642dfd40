/** Has the partitions of usage kept in order, at the start and every hour. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import { systemClock } from '../../shared/clock.ts';
import { keepPartitions } from './usage-partitions.ts';

const HOUR_MILLIS = 3_600_000;

export class PartitionKeeper {
  readonly #em: EntityManager;
  readonly #retentionDays: number | undefined;
  readonly #log: Logger;
  readonly #timer: NodeJS.Timeout;
  #keeping = Promise.resolve();

  private constructor(em: EntityManager, retentionDays: number | undefined, log: Logger) {
    this.#em = em;
    this.#retentionDays = retentionDays;
    this.#log = log;
    this.#timer = setInterval(() => {
      this.#keeping = this.#keeping.then(() => this.#keep());
    }, HOUR_MILLIS);
  }

  /** Resolves when the partitions are in order, so that what comes then finds its month, or when that has failed. */
  static async start(em: EntityManager, retentionDays: number | undefined, log: Logger): Promise<PartitionKeeper> {
    const keeper = new PartitionKeeper(em, retentionDays, log);
    await keeper.#keep();
    return keeper;
  }

  /** Ends after what is under way. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#keeping;
  }

  /** Nothing is lost when it fails: what has no month is in the default partition, and finds its way from there the next time. */
  async #keep(): Promise<void> {
    try {
      await keepPartitions(this.#em, systemClock.now(), this.#retentionDays);
    } catch (error) {
      this.#log.warn({ err: error }, 'the partitions of usage could not be kept in order');
    }
  }
}
