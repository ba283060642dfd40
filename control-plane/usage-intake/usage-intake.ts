/** Brings usage from the stream into PostgreSQL: reads a batch, stores it, and only then acknowledges it. */
import { setTimeout as wait } from 'node:timers/promises';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import type { UsageBacklog, UsageDelivery, UsageEvent, UsageSource } from '../../shared/usage-event.ts';
import { closingCountedElsewhere, type CountedWindows } from '../money/counted-in.ts';
import { writeDeadLetter } from './dead-letters.ts';
import { isFaultOfData, readDelivered, reasonOf } from './read-delivery.ts';
import { writeUsage } from './usage-writer.ts';

const BATCH_MAX = 2000;
const WAIT_MILLIS = 1000;
const RETRY_MILLIS_MIN = 100;
const RETRY_MILLIS_MAX = 5000;

export class UsageIntake {
  readonly #source: UsageSource;
  readonly #em: EntityManager;
  readonly #log: Logger;
  readonly #counted: CountedWindows | undefined;
  readonly #ending = new AbortController();
  readonly #running: Promise<void>;
  #storedCount = 0;

  constructor(source: UsageSource, em: EntityManager, log: Logger, counted?: CountedWindows) {
    this.#source = source;
    this.#counted = counted;
    this.#em = em;
    this.#log = log;
    this.#running = this.#run();
  }

  /** Records that this intake has stored. */
  get storedCount(): number {
    return this.#storedCount;
  }

  /** What waits in the stream for any intake; undefined while the stream cannot be read. */
  async backlog(): Promise<UsageBacklog | undefined> {
    try {
      return await this.#source.backlog();
    } catch (error) {
      this.#log.debug({ err: error }, 'nobody knows how much usage waits in the stream');
      return undefined;
    }
  }

  /** Ends after the batch that is under way; what was not acknowledged is delivered to the next reader. */
  async close(): Promise<void> {
    this.#ending.abort();
    await this.#source.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    let retryMillis = RETRY_MILLIS_MIN;
    while (!this.#ending.signal.aborted) {
      try {
        await this.#takeBatch();
        retryMillis = RETRY_MILLIS_MIN;
      } catch (error) {
        if (this.#ending.signal.aborted) return;
        this.#log.warn({ err: error }, 'usage waits in the stream');
        await wait(retryMillis * (0.5 + Math.random() / 2), undefined, { signal: this.#ending.signal }).catch(() => undefined);
        retryMillis = Math.min(RETRY_MILLIS_MAX, retryMillis * 2);
      }
    }
  }

  async #takeBatch(): Promise<void> {
    const deliveries = await this.#source.read(BATCH_MAX, WAIT_MILLIS);
    if (deliveries.length === 0) return;
    const { events, unreadable } = sort(deliveries);
    for (const { delivery, reason } of unreadable) await this.#setAside(delivery, reason);
    if (events.length === 0) return;
    try {
      await this.#store(events);
    } catch (error) {
      if (!isFaultOfData(error)) throw error;
      return this.#takeOneByOne(events);
    }
    await this.#source.acknowledge(events.map(({ delivery }) => delivery));
  }

  /** A batch is read from one Redis. Windows that were counted in another lack it. */
  async #store(events: readonly ReadEvent[]): Promise<void> {
    const [greeting] = events.flatMap(({ delivery }) => delivery.greeting ?? []);
    const onStored = greeting === undefined || this.#counted === undefined ? undefined : closingCountedElsewhere(this.#counted, greeting);
    this.#storedCount += await writeUsage(
      this.#em,
      events.map(({ event }) => event),
      onStored,
    );
  }

  /** One event that PostgreSQL does not take must not hold up the others. */
  async #takeOneByOne(events: readonly ReadEvent[]): Promise<void> {
    for (const { event, delivery } of events) {
      try {
        await this.#store([{ event, delivery }]);
        await this.#source.acknowledge([delivery]);
      } catch (error) {
        if (!isFaultOfData(error)) throw error;
        await this.#setAside(delivery, reasonOf(error));
      }
    }
  }

  async #setAside(delivery: UsageDelivery, reason: string): Promise<void> {
    this.#log.error({ deliveryId: delivery.deliveryId, reason }, 'a usage event cannot be stored and was set aside');
    await writeDeadLetter(this.#em, delivery, reason);
    await this.#source.acknowledge([delivery]);
  }
}

interface ReadEvent {
  readonly event: UsageEvent;
  readonly delivery: UsageDelivery;
}

interface Sorted {
  readonly events: ReadEvent[];
  readonly unreadable: { delivery: UsageDelivery; reason: string }[];
}

function sort(deliveries: readonly UsageDelivery[]): Sorted {
  const sorted: Sorted = { events: [], unreadable: [] };
  for (const delivery of deliveries) {
    try {
      sorted.events.push({ event: readDelivered(delivery.json), delivery });
    } catch (error) {
      sorted.unreadable.push({ delivery, reason: reasonOf(error) });
    }
  }
  return sorted;
}
