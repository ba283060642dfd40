/** Compares, again and again, what counters, records and sums say was used of limits. What nothing explains is told; nothing is repaired. */
import { setTimeout as wait } from 'node:timers/promises';
import { compareLedger, type LedgerComparisonParts } from './ledger-comparison.ts';
import { putOff, takeDue } from './reconciliation-claims.ts';

export interface ReconciliationParts extends LedgerComparisonParts {
  /** How often an organisation is compared. */
  readonly everyMillis: number;
}

const POLL_MILLIS_MAX = 1000;
/** Reading months of records may take long: then it is done so much less often that the database has nine tenths of its time for others. */
const SHARE = 10;

export class Reconciliation {
  readonly #parts: ReconciliationParts;
  readonly #ending = new AbortController();
  readonly #running: Promise<void>;
  /** Told once, and again only after it has worked in between. */
  #isFailing = false;

  constructor(parts: ReconciliationParts) {
    this.#parts = parts;
    this.#running = this.#run();
  }

  /** Ends after the organisation that is being compared. */
  async close(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { em, everyMillis } = this.#parts;
    while (!this.#ending.signal.aborted) {
      try {
        for (const organisationId of await takeDue(em)) await putOff(em, organisationId, await this.#compare(organisationId));
      } catch (error) {
        this.#failed(error);
      }
      await wait(Math.min(POLL_MILLIS_MAX, everyMillis), undefined, { signal: this.#ending.signal }).catch(() => undefined);
    }
  }

  /** Answers in how many milliseconds the organisation is to be compared again. A store that does not answer is asked then. */
  async #compare(organisationId: string): Promise<number> {
    // What is left is for other replicas.
    if (this.#ending.signal.aborted) return 0;
    const { everyMillis } = this.#parts;
    try {
      const readMillis = await compareLedger(this.#parts, organisationId);
      this.#isFailing = false;
      return Math.max(everyMillis, readMillis * SHARE);
    } catch (error) {
      this.#failed(error);
      return everyMillis;
    }
  }

  #failed(error: unknown): void {
    if (!this.#isFailing) this.#parts.log.warn({ err: error }, 'counters and records cannot be compared now');
    this.#isFailing = true;
  }
}
