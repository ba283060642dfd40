/** The usage stream of a single process: the data plane appends, the control plane's intake reads, nothing leaves the memory. */
import type { UsageDelivery, UsageSource } from './usage-event.ts';

export class UsageQueue implements UsageSource {
  readonly #waiting = new Map<string, UsageDelivery>();
  /** Read and not acknowledged: delivered again when the reader asks anew. */
  readonly #delivered = new Map<string, UsageDelivery>();
  #next = 0;
  #wake: (() => void) | undefined;

  /** Events that no reader has acknowledged yet. */
  get size(): number {
    return this.#waiting.size + this.#delivered.size;
  }

  append(json: string): void {
    const deliveryId = String(this.#next++);
    this.#waiting.set(deliveryId, { deliveryId, json });
    this.#wake?.();
  }

  async read(max: number, waitMillis: number): Promise<readonly UsageDelivery[]> {
    for (const [id, delivery] of this.#delivered) this.#waiting.set(id, delivery);
    this.#delivered.clear();
    if (this.#waiting.size === 0) await this.#arrival(waitMillis);
    const batch: UsageDelivery[] = [];
    for (const [id, delivery] of this.#waiting) {
      if (batch.length === max) break;
      batch.push(delivery);
      this.#waiting.delete(id);
      this.#delivered.set(id, delivery);
    }
    return batch;
  }

  acknowledge(deliveries: readonly UsageDelivery[]): Promise<void> {
    for (const { deliveryId } of deliveries) this.#delivered.delete(deliveryId);
    return Promise.resolve();
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
