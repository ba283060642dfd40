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
      await this.#telling(async () => {
        for (const organisationId of await takeDue(em)) {
          let readMillis = 0;
          if (!this.#ending.signal.aborted) await this.#telling(async () => void (readMillis = await compareLedger(this.#parts, organisationId)));
          await putOff(em, organisationId, Math.max(everyMillis, readMillis * SHARE));
        }
      });
      await wait(Math.min(POLL_MILLIS_MAX, everyMillis), undefined, { signal: this.#ending.signal }).catch(() => undefined);
    }
  }

  /** A store that does not answer is asked the next time. */
  async #telling(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#parts.log.warn({ err: error }, 'counters and records cannot be compared now');
      this.#isFailing = true;
    }
  }
}
