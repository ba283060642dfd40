/** Hands settlements and events over to Redis behind the requests' backs, in batches, again and again until it has them. */
import assert from 'node:assert/strict';
import type { Logger } from 'pino';
import type { LeaseCheck, Settlement } from './counters.ts';
import type { RedisLink } from './redis-link.ts';
import type { RedisScripts } from './redis-scripts.ts';

const BATCH_MAX = 128;
const FLUSH_CHECK_MILLIS = 10;
/**
 * Events that one organisation's stream may hold. The intake deletes what it has stored, so only weeks without an intake come near it; then
 * the oldest are lost, where else Redis would fill up and refuse the calls of every organisation.
 */
export const STREAM_LENGTH_MAX = '10000000';

/** A settlement, or an event without one. */
interface Entry {
  readonly requestId: string;
  readonly event: string;
  readonly leases: readonly LeaseCheck[];
  /** Key, held amount and actual amount of each hold. */
  readonly holds: readonly string[];
}

const NO_LEASES: readonly LeaseCheck[] = [];

export class SettlementOutbox {
  readonly #link: RedisLink;
  readonly #scripts: RedisScripts;
  readonly #log: Logger;
  readonly #sizeMax: number;
  readonly #waiting = new Map<string, Entry[]>();
  readonly #sending = new Set<string>();
  #size = 0;
  #dropped = 0;
  #isScheduled = false;

  /** Above `sizeMax` entries, events of requests that were not admitted here are dropped. */
  constructor(link: RedisLink, scripts: RedisScripts, { log, sizeMax }: { readonly log: Logger; readonly sizeMax: number }) {
    this.#link = link;
    this.#scripts = scripts;
    this.#log = log;
    this.#sizeMax = sizeMax;
  }

  /** Entries that Redis has not confirmed. */
  get size(): number {
    return this.#size;
  }

  settle({ admission, amounts, event }: Settlement): void {
    // Calls are refused long before the backlog is full, so settlements are no more than the calls that were under way then.
    const holds = admission.holds.flatMap(({ key, amount }, index) => [key, String(amount), wholeText(amounts[index] ?? 0)]);
    this.#add(admission.organisationId, { requestId: admission.requestId, event, leases: admission.leases, holds });
  }

  record(owner: string, event: string): void {
    if (this.#size >= this.#sizeMax) return this.#drop();
    this.#add(owner, { requestId: '', event, leases: NO_LEASES, holds: [] });
  }

  /** Sends what waits, unless a call for that organisation is under way already: its end sends the rest. */
  flush(): void {
    this.#isScheduled = false;
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

  #add(owner: string, entry: Entry): void {
    this.#size++;
    const waiting = this.#waiting.get(owner);
    if (waiting === undefined) this.#waiting.set(owner, [entry]);
    else waiting.push(entry);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.flush());
  }

  /** Settling twice does nothing, and an event that is appended twice is stored once, so whatever fails is simply sent again. */
  async #send(owner: string): Promise<void> {
    this.#sending.add(owner);
    try {
      for (let batch = this.#next(owner); batch.length > 0; batch = this.#next(owner)) {
        await this.#scripts.run('settle', [`{${owner}}:intents`, `{${owner}}:usage`], valuesOf(owner, batch));
        this.#waiting.get(owner)?.splice(0, batch.length);
        this.#size -= batch.length;
      }
      this.#waiting.delete(owner);
      if (this.#dropped > 0) this.#log.error({ dropped: this.#dropped }, 'usage events were lost while the backlog was full');
      this.#dropped = 0;
    } catch (error) {
      this.#link.lost(error);
    } finally {
      this.#sending.delete(owner);
    }
  }

  #next(owner: string): readonly Entry[] {
    return this.#waiting.get(owner)?.slice(0, BATCH_MAX) ?? [];
  }
}

/** One fraction would stop the whole organisation's settlements, since Redis counts in whole numbers. */
function wholeText(amount: number): string {
  assert(Number.isSafeInteger(amount) && amount >= 0, `${amount} is no amount to settle`);
  return String(amount);
}

/** Leases that several entries share, as those of one key do, are written once. */
function valuesOf(owner: string, batch: readonly Entry[]): string[] {
  const planned: (readonly LeaseCheck[])[] = [];
  const planValues: string[] = [];
  const values: string[] = [];
  for (const { requestId, event, leases, holds } of batch) {
    let index = planned.indexOf(leases);
    if (index === -1) {
      index = planned.push(leases) - 1;
      planValues.push(String(leases.length), ...leases.map(({ key }) => key));
    }
    values.push(requestId, event, String(index + 1), String(holds.length / 3), ...holds);
  }
  return [`{${owner}}:`, STREAM_LENGTH_MAX, String(planned.length), ...planValues, String(batch.length), ...values];
}
