/** Hands settlements and events over to Redis behind the requests' backs, in batches, again and again until it has them. */
import assert from 'node:assert/strict';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { AllotmentSettlement, OpenRequest, Settlement } from './counters.ts';
import type { Epochs } from './epochs.ts';
import { keysOf } from './redis-keys.ts';
import type { RedisLink } from './redis-link.ts';
import { REBUILD, type RedisScripts } from './redis-scripts.ts';
import { countKeys, KEYS_MAX } from './script-size.ts';
import { settleValues } from './settle-values.ts';

const BATCH_MAX = 128;
/** Calls that were admitted ahead are told together; a script takes about so many events, or those of one settlement. */
const EVENTS_MAX = 256;
/** Calls that end within this time are settled together, and no admission waits in Redis behind the settlement of a single call. */
const WAIT_MILLIS = 2;
const FLUSH_CHECK_MILLIS = 10;
/**
 * Entries, of one event or many, that an organisation's stream may hold. The intake deletes what it has stored, so only weeks without an intake come near it; then
 * the oldest are lost, where else Redis would fill up and refuse the calls of every organisation.
 */
export const STREAM_LENGTH_MAX = '2000000';

/** What a request used of what it held. */
export type UsedAmounts = Pick<Settlement, 'admission' | 'amounts' | 'failed'>;

/** A settlement, or an event without one. */
export interface OutboxEntry {
  readonly settlement: UsedAmounts | undefined;
  readonly events: readonly string[];
  /** Told of a settlement whose request is closed already. */
  readonly eventsWhenClosed: readonly string[];
}

/** What Redis has not confirmed of one organisation. */
interface OwnerQueue {
  readonly owner: string;
  readonly entries: OutboxEntry[];
  /** Settlements of windows that are closed. */
  closed: OutboxEntry[];
  sending: Promise<void> | undefined;
}

export interface SettlementOutboxParts {
  readonly link: RedisLink;
  readonly scripts: RedisScripts;
  readonly epochs: Epochs;
  readonly log: Logger;
  /** Above so many entries, events of requests that were not admitted here are dropped. */
  readonly sizeMax: number;
}

const goneSchema = z.array(z.string());

export class SettlementOutbox {
  readonly #link: RedisLink;
  readonly #scripts: RedisScripts;
  readonly #epochs: Epochs;
  readonly #log: Logger;
  readonly #sizeMax: number;
  /** Never shrinks: the tables that a Map outgrows point at each other, and through them calls of minutes would stay in memory until the next full collection. */
  readonly #queues = new Map<string, OwnerQueue>();
  #timer: NodeJS.Timeout | undefined;
  #size = 0;
  #dropped = 0;

  constructor({ link, scripts, epochs, log, sizeMax }: SettlementOutboxParts) {
    this.#link = link;
    this.#scripts = scripts;
    this.#epochs = epochs;
    this.#log = log;
    this.#sizeMax = sizeMax;
  }

  /** Entries that Redis has not confirmed. */
  get size(): number {
    return this.#size;
  }

  /** Requests that hold in windows and are over, and of which Redis has not heard so. */
  *openRequests(): Generator<OpenRequest> {
    for (const { entries, closed } of this.#queues.values()) {
      for (const { settlement } of [...entries, ...closed].filter(holds)) if (settlement !== undefined) yield openRequestOf(settlement);
    }
  }

  settle(settlement: Settlement): void {
    this.#settleWith(settlement, [settlement.event], [settlement.event]);
  }

  /** When it is closed already, its events came with that, or the one event of a lost node stands for all of them. */
  settleAllotment(settlement: AllotmentSettlement): void {
    this.#settleWith(settlement, settlement.events, []);
  }

  #settleWith({ admission, amounts, failed }: UsedAmounts, events: readonly string[], eventsWhenClosed: readonly string[]): void {
    // One fraction would stop the whole organisation's settlements, since Redis counts in whole numbers.
    for (const amount of amounts) assert(Number.isSafeInteger(amount) && amount >= 0, `${amount} is no amount to settle`);
    // Calls are refused long before the backlog is full, so settlements are no more than the calls that were under way then.
    this.#add(admission.organisationId, { settlement: { admission, amounts, failed }, events, eventsWhenClosed });
  }

  record(owner: string, event: string): void {
    if (this.#size >= this.#sizeMax) return this.#drop();
    this.#add(owner, { settlement: undefined, events: [event], eventsWhenClosed: [event] });
  }

  /** Sends what waits, unless a call for that organisation is under way already: its end sends the rest. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#link.isAvailable) return;
    for (const queue of this.#queues.values()) if (queue.entries.length > 0) queue.sending ??= this.#send(queue);
  }

  /** Whether calls of that organisation have ended of which Redis has not heard. */
  owes(owner: string): boolean {
    return (this.#queues.get(owner)?.entries.length ?? 0) > 0;
  }

  /** Resolves when Redis knows of every call of that organisation that has ended by now, or does not answer. */
  async paid(owner: string): Promise<void> {
    const queue = this.#queues.get(owner);
    if (queue === undefined) return;
    await queue.sending;
    if (queue.entries.length > 0) await (queue.sending ??= this.#send(queue));
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
    let queue = this.#queues.get(owner);
    if (queue === undefined) this.#queues.set(owner, (queue = { owner, entries: [], closed: [], sending: undefined }));
    queue.entries.push(entry);
    this.#sendSoon();
  }

  #sendSoon(): void {
    this.#timer ??= setTimeout(() => this.flush(), WAIT_MILLIS);
  }

  /** Settling twice does nothing, and an event that is appended twice is stored once, so whatever fails is simply sent again. */
  async #send(queue: OwnerQueue): Promise<void> {
    const { owner, entries } = queue;
    try {
      let isFull: boolean;
      do {
        const batch = entries.slice(0, batchLengthOf(entries));
        isFull = batch.length === BATCH_MAX || batch.length < entries.length;
        if (!(await this.#settle(owner, batch))) {
          this.#setAside(queue);
          continue;
        }
        entries.splice(0, batch.length);
        this.#size -= batch.length;
        // What came in the meantime can wait for more again.
      } while (isFull && entries.length > 0);
      if (entries.length > 0) this.#sendSoon();
      if (this.#dropped > 0) this.#log.error({ dropped: this.#dropped }, 'usage events were lost while the backlog was full');
      this.#dropped = 0;
    } catch (error) {
      this.#link.lost(error);
    } finally {
      queue.sending = undefined;
    }
  }

  /** What holds in no window need not wait until those count again. */
  #setAside(queue: OwnerQueue): void {
    const { owner, entries } = queue;
    const isAwaited = queue.closed.length > 0;
    queue.closed.push(...entries.filter(holds));
    entries.splice(0, entries.length, ...entries.filter((entry) => !holds(entry)));
    if (!isAwaited) void this.#sendWhenOpen(queue, this.#epochs.opened(owner));
  }

  async #sendWhenOpen(queue: OwnerQueue, opened: Promise<boolean>): Promise<void> {
    await opened;
    queue.entries.push(...queue.closed);
    queue.closed = [];
    this.#sendSoon();
  }

  /**
   * Of a request that was closed already, by a reaper or by the same batch whose reply was lost, the event alone is told. Answers false, having told nothing,
   * when windows do not count.
   */
  async #settle(owner: string, batch: OutboxEntry[]): Promise<boolean> {
    const { open, intents, counts, usage } = keysOf(owner);
    for (;;) {
      const values = [...this.#epochs.valuesFor(owner), STREAM_LENGTH_MAX, ...settleValues(batch)];
      const gone = new Set(goneSchema.parse(await this.#scripts.run('settle', [open, intents, counts, usage], values)));
      if (gone.size === 0) return true;
      if (gone.has(REBUILD)) return false;
      for (const [index, { settlement, eventsWhenClosed: events }] of batch.entries()) {
        if (settlement !== undefined && gone.has(settlement.admission.requestId)) batch[index] = { settlement: undefined, events, eventsWhenClosed: events };
      }
    }
  }
}

/** How many entries one script takes. */
function batchLengthOf(entries: readonly OutboxEntry[]): number {
  let [events, keys] = [0, 0];
  for (const [index, { events: told, settlement }] of entries.entries()) {
    events += told.length;
    keys += settlement === undefined ? 0 : countKeys(settlement.admission);
    if (index === BATCH_MAX || (index > 0 && (events > EVENTS_MAX || keys > KEYS_MAX))) return index;
  }
  return entries.length;
}

function holds({ settlement }: OutboxEntry): boolean {
  return settlement !== undefined && settlement.admission.holds.length > 0;
}

/** Held as it was, or more where more was used. */
function openRequestOf({ admission, amounts }: UsedAmounts): OpenRequest {
  const heldAmounts = admission.heldAmounts.map((amount, index) => Math.max(amount, amounts[index] ?? 0));
  return { admission, held: { heldAmounts, intent: admission.intent ?? '' } };
}
