/** The usage stream of a single process: the data plane appends, the control plane's intake reads, nothing leaves the memory. */
import { systemClock } from './clock.ts';
import type { UsageBacklog, UsageDelivery, UsageSource } from './usage-event.ts';

/** More than the backlog at which calls are refused, so that the records of what was under way then still find room. */
const SIZE_MAX = 120_000;

interface QueuedDelivery extends UsageDelivery {
  readonly queuedAtMillis: number;
}

export class UsageQueue implements UsageSource {
  readonly #sizeMax: number;
  readonly #waiting: QueuedDelivery[] = [];
  /** Read and not acknowledged: delivered again when the reader asks anew. A new map for each delivery, since one that is used for ever keeps what it has forgotten in memory. */
  #delivered: Map<string, QueuedDelivery> = new Map();
  #next = 0;
  #wake: (() => void) | undefined;
  #dropped = 0;

  constructor(sizeMax = SIZE_MAX) {
    this.#sizeMax = sizeMax;
  }

  /** Events that no reader has acknowledged yet. */
  get size(): number {
    return this.#waiting.length + this.#delivered.size;
  }

  /** Events that found no room, because nobody reads. */
  get dropped(): number {
    return this.#dropped;
  }

  append(json: string): void {
    if (this.size >= this.#sizeMax) {
      this.#dropped++;
      return;
    }
    const deliveryId = String(this.#next++);
    this.#waiting.push({ deliveryId, json, queuedAtMillis: systemClock.now() });
    this.#wake?.();
  }

  async read(max: number, waitMillis: number): Promise<readonly UsageDelivery[]> {
    if (this.#delivered.size > 0) return [...this.#delivered.values()].slice(0, max);
    if (this.#waiting.length === 0) await this.#arrival(waitMillis);
    this.#delivered = new Map(this.#waiting.splice(0, max).map((delivery) => [delivery.deliveryId, delivery]));
    return [...this.#delivered.values()];
  }

  acknowledge(deliveries: readonly UsageDelivery[]): Promise<void> {
    for (const { deliveryId } of deliveries) this.#delivered.delete(deliveryId);
    return Promise.resolve();
  }

  backlog(): Promise<UsageBacklog> {
    const [oldest] = [...this.#delivered.values(), ...this.#waiting.slice(0, 1)];
    return Promise.resolve({ entries: this.size, oldestMillis: oldest?.queuedAtMillis });
  }

  close(): Promise<void> {
    this.#wake?.();
    return Promise.resolve();
  }

  #arrival(waitMillis: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, waitMillis);
      this.#wake = done;
    });
  }
}
