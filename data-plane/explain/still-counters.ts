/** Counters that only look: an explanation is judged by what is counted, and counts nothing itself. */
import type { Admission, AdmissionAnswer, AdmissionPeek, Counters } from '../counters/counters.ts';

export interface SeenCounts {
  readonly admission: Admission;
  readonly peek: AdmissionPeek;
}

export class StillCounters implements Counters {
  readonly #counters: Counters;
  /** What was looked at last. */
  seen: SeenCounts | undefined;

  constructor(counters: Counters) {
    this.#counters = counters;
  }

  get isAvailable(): boolean {
    return this.#counters.isAvailable;
  }

  get backlog(): number {
    return this.#counters.backlog;
  }

  async admit(admission: Admission): Promise<AdmissionAnswer> {
    const peek = await this.peek(admission);
    this.seen = { admission, peek };
    return peek.answer;
  }

  peek(admission: Admission): Promise<AdmissionPeek> {
    return this.#counters.peek(admission);
  }

  /** No answer grows, since none is asked for. */
  extend(): Promise<AdmissionAnswer> {
    return Promise.reject(new Error('an explanation has no answer that could grow'));
  }

  settle(): void {
    // Nothing was taken.
  }

  record(): void {
    // What did not happen has no record.
  }

  renew(): void {
    // Nothing is held.
  }

  flushed(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<number> {
    return Promise.resolve(0);
  }
}
