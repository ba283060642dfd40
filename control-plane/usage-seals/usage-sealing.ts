/** Has usage sealed when an hour is over, in the background. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import { systemClock } from '../../shared/clock.ts';
import { RepeatedTask } from '../background/repeated-task.ts';
import { HOUR_MILLIS } from '../usage/usage-buckets.ts';
import { findUnsealed, sealRound } from './seal-usage.ts';

const LOOK_MILLIS = 60_000;
/** What was under way when the hour ended has this long to arrive; what comes later still is in the next seal that names its hour. */
const GRACE_MILLIS = 120_000;

/** `em` sees every organisation. */
export function startUsageSealing(em: EntityManager, log: Logger): RepeatedTask {
  return new RepeatedTask({ pauseMillis: LOOK_MILLIS, log, complaint: 'usage cannot be sealed now' }, async (signal) => {
    const closedAt = Math.floor((systemClock.now() - GRACE_MILLIS) / HOUR_MILLIS) * HOUR_MILLIS;
    for (const organisationId of await findUnsealed(em, new Date(closedAt))) {
      for (let isMore = true; isMore && !signal.aborted;) isMore = await sealRound(em, organisationId);
    }
  });
}
