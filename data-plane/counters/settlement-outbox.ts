/** Hands settlements and events over to Redis behind the requests' backs, in batches, again and again until it has them. */
import assert from 'node:assert/strict';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Settlement } from './counters.ts';
import { keysOf } from './redis-keys.ts';
import type { RedisLink } from './redis-link.ts';
import type { RedisScripts } from './redis-scripts.ts';
import { settleValues } from './settle-values.ts';
import type { TurnEnd } from './turn-end.ts';

const BATCH_MAX = 128;
/** Settlements leave with the next admissions, which is one packet and one batch for Redis instead of two, but wait no longer than this. */
const WAIT_MILLIS = 2;
const FLUSH_CHECK_MILLIS = 10;
/**
 * Entries, of one event or many, that an organisation's stream may hold. The intake deletes what it has stored, so only weeks without an intake come near it; then
 * the oldest are lost, where else Redis would fill up and refuse the calls of every organisation.
 */
export const STREAM_LENGTH_MAX = '2000000';

/** A settlement, or an event without one. */
export interface OutboxEntry {
  readonly settlement: Settlement | undefined;
  readonly event: string;
}

const goneSchema = z.array(z.string());

export class SettlementOutbox {
  readonly #link: RedisLink;
  readonly #scripts: RedisScripts;
  readonly #turnEnd: TurnEnd;
  readonly #log: Logger;
  readonly #sizeMax: number;
  readonly #waiting = new Map<string, OutboxEntry[]>();
  readonly #sending = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #size = 0;
  #dropped = 0;

  /** Above `sizeMax` entries, events of requests that were not admitted here are dropped. */
  constructor(link: RedisLink, scripts: RedisScripts, turnEnd: TurnEnd, { log, sizeMax }: { readonly log: Logger; readonly sizeMax: number }) {
    this.#link = link;
    this.#scripts = scripts;
    this.#turnEnd = turnEnd;
    this.#log = log;
    this.#sizeMax = sizeMax;
    turnEnd.add(() => this.flush());
  }

  /** Entries that Redis has not confirmed. */
  get size(): number {
    return this.#size;
  }

  settle(settlement: Settlement): void {
    const { admission, amounts, event } = settlement;
    // One fraction would stop the whole organisation's settlements, since Redis counts in whole numbers.
    for (const amount of amounts) assert(Number.isSafeInteger(amount) && amount >= 0, `${amount} is no amount to settle`);
    // Calls are refused long before the backlog is full, so settlements are no more than the calls that were under way then.
    this.#add(admission.organisationId, { settlement, event });
  }

  record(owner: string, event: string): void {
    if (this.#size >= this.#sizeMax) return this.#drop();
    this.#add(owner, { settlement: undefined, event });
  }

  /** Sends what waits, unless a call for that organisation is under way already: its end sends the rest. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#link.isAvailable) return;
    for (const owner of this.#waiting.keys()) if (!this.#sending.has(owner)) void this.#send(owner);
  }

  async flushed(deadline: () => boolean = () => false): Promise<void> {
    while (this.#size > 0 && !deadline()) {
      this.flush();
      await new Promise((resolve) => setTimeout(resolve, FLUSH_CHECK_MILLIS));
    }
  }

  #drop(): void {
    if (this.#dropped++ === 0) this.#log.error({ backlog: this.#size }, 'the backlog of usage events is full; further ones are lost until Redis answers');
  }

  #add(owner: string, entry: OutboxEntry): void {
    this.#size++;
    const waiting = this.#waiting.get(owner);
    if (waiting === undefined) this.#waiting.set(owner, [entry]);
    else waiting.push(entry);
    this.#sendSoon();
  }

  #sendSoon(): void {
    this.#timer ??= setTimeout(() => this.#turnEnd.schedule(), WAIT_MILLIS);
  }

  /** Settling twice does nothing, and an event that is appended twice is stored once, so whatever fails is simply sent again. */
  async #send(owner: string): Promise<void> {
    this.#sending.add(owner);
    try {
      let batch: OutboxEntry[];
      do {
        batch = this.#next(owner);
        await this.#settle(owner, batch);
        this.#waiting.get(owner)?.splice(0, batch.length);
        this.#size -= batch.length;
        // What came in the meantime can wait for the next admissions again.
      } while (batch.length === BATCH_MAX && this.#next(owner).length > 0);
      if (this.#waiting.get(owner)?.length === 0) this.#waiting.delete(owner);
      else this.#sendSoon();
      if (this.#dropped > 0) this.#log.error({ dropped: this.#dropped }, 'usage events were lost while the backlog was full');
      this.#dropped = 0;
    } catch (error) {
      this.#link.lost(error);
    } finally {
      this.#sending.delete(owner);
    }
  }

  /** Of a request that was closed already, by a reaper or by the same batch whose reply was lost, the event alone is told. */
  async #settle(owner: string, batch: OutboxEntry[]): Promise<void> {
    const { open, counts, usage } = keysOf(owner);
    for (;;) {
      const values = [STREAM_LENGTH_MAX, ...settleValues(batch)];
      const gone = new Set(goneSchema.parse(await this.#scripts.run('settle', [open, counts, usage], values)));
      if (gone.size === 0) return;
      for (const [index, { settlement, event }] of batch.entries()) {
        if (settlement !== undefined && gone.has(settlement.admission.requestId)) batch[index] = { settlement: undefined, event };
      }
    }
  }

  #next(owner: string): OutboxEntry[] {
    return this.#waiting.get(owner)?.slice(0, BATCH_MAX) ?? [];
  }
}
