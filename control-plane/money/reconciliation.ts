/** Compares, again and again, what counters, records and sums say was used of limits. What nothing explains is told; nothing is repaired. */
import { RepeatedTask } from '../background/repeated-task.ts';
import { compareLedger, type LedgerComparisonParts } from './ledger-comparison.ts';
import { putOff, takeDue } from './reconciliation-claims.ts';

export interface ReconciliationParts extends LedgerComparisonParts {
  /** How often an organisation is compared. */
  readonly everyMillis: number;
}

const POLL_MILLIS_MAX = 1000;
/** Reading months of records may take long: then it is done so much less often that the database has nine tenths of its time for others. */
const SHARE = 10;

/** One organisation after another; closing it ends after the one that is being compared. */
export function startReconciliation(parts: ReconciliationParts): RepeatedTask {
  const pauseMillis = Math.min(POLL_MILLIS_MAX, parts.everyMillis);
  return new RepeatedTask({ pauseMillis, log: parts.log, complaint: 'counters and records cannot be compared now' }, (signal) => compareDue(parts, signal));
}

/** A store that does not answer for one organisation is asked for the others all the same, and for that one when it is due again. */
async function compareDue(parts: ReconciliationParts, signal: AbortSignal): Promise<void> {
  const { em, everyMillis } = parts;
  const failures: unknown[] = [];
  for (const organisationId of await takeDue(em)) {
    let pauseMillis = everyMillis;
    try {
      // What is left when this ends is due at once, for other replicas.
      pauseMillis = signal.aborted ? 0 : Math.max(everyMillis, (await compareLedger(parts, organisationId)) * SHARE);
    } catch (error) {
      failures.push(error);
    }
    await putOff(em, organisationId, pauseMillis);
  }
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} organisations cannot be compared`);
}
