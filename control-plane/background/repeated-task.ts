/** Work that is done again and again until the control plane ends. It may fail: that is told once, and tried again after the pause. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';

export interface RepeatedTaskParts {
  /** Between the end of one round and the beginning of the next. */
  readonly pauseMillis: number;
  readonly log: Logger;
  /** What a failure means, for the operator. */
  readonly complaint: string;
}

export class RepeatedTask {
  readonly #ending = new AbortController();
  readonly #first = Promise.withResolvers<void>();
  readonly #running: Promise<void>;

  /** The first round begins at once. `work` may end early when its signal fires. */
  constructor(parts: RepeatedTaskParts, work: (signal: AbortSignal) => Promise<void>) {
    this.#running = this.#run(parts, work);
  }

  /** Resolves when the first round is over, whether or not it worked. */
  get firstRound(): Promise<void> {
    return this.#first.promise;
  }

  /** Ends after the round that is under way. */
  async close(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }

  async #run({ pauseMillis, log, complaint }: RepeatedTaskParts, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = this.#ending;
    let isFailing = false;
    while (!signal.aborted) {
      try {
        await work(signal);
        isFailing = false;
      } catch (error) {
        // Told again only after a round that worked.
        if (!isFailing) log.warn({ err: error }, complaint);
        isFailing = true;
      }
      this.#first.resolve();
      await wait(pauseMillis, undefined, { signal }).catch(() => undefined);
    }
  }
}
