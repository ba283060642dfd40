/** Step 3: the configuration is there and fresh enough to decide by, and no record would be lost. */
import { Refusal } from '../../shared/refusal.ts';
import type { Snapshot } from '../config/snapshot.ts';
import type { Gateway } from '../gateway.ts';

/** Past this age a configuration decides nothing any more (`reliability.md`, fail table). */
const CONFIGURATION_AGE_MAX_MILLIS = 24 * 3_600_000;
const USAGE_BACKLOG_MAX = 100_000;
const RETRY_AFTER_SECONDS = 5;

/** Whether the counters' store answers is judged where a request needs it, in step 13: many requests can go on without. */
export function checkAvailability(gateway: Pick<Gateway, 'config' | 'clock' | 'counters' | 'drain'>): Snapshot {
  if (gateway.drain.isDraining) throw refused('draining', 'this gateway node is shutting down');
  const snapshot = gateway.config.current();
  if (snapshot === undefined) throw refused('no_configuration', 'this gateway node has no configuration yet');
  if (gateway.clock.now() - gateway.config.receivedAtMillis > CONFIGURATION_AGE_MAX_MILLIS) {
    throw refused('stale_configuration', 'the configuration of this gateway node is older than a day');
  }
  if (gateway.counters.backlog >= USAGE_BACKLOG_MAX) {
    throw new Refusal('overloaded', 'usage_backlog', 'this gateway node cannot record further calls now', { retryAfterSeconds: RETRY_AFTER_SECONDS });
  }
  return snapshot;
}

function refused(reason: 'draining' | 'no_configuration' | 'stale_configuration', detail: string): Refusal {
  return new Refusal('not_ready', reason, detail, { retryAfterSeconds: RETRY_AFTER_SECONDS });
}
