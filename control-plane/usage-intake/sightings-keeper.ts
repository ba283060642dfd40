/** Forgets clients when the records of the month in which they were last seen are dropped, every hour. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import { RepeatedTask } from '../background/repeated-task.ts';
import { systemClock } from '../../shared/clock.ts';
import { lockUsage } from './usage-lock.ts';

const PAUSE_MILLIS = 3_600_000;
const DAY_MILLIS = 86_400_000;

/** `em` sees every organisation. Any number of replicas may do it at once. */
export function startSightingsKeeper(em: EntityManager, retentionDays: number, log: Logger): RepeatedTask {
  return new RepeatedTask({ pauseMillis: PAUSE_MILLIS, log, complaint: 'clients that were last seen long ago cannot be forgotten now' }, () =>
    forgetSightings(em, systemClock.now(), retentionDays),
  );
}

export async function forgetSightings(em: EntityManager, nowMillis: number, retentionDays: number): Promise<void> {
  const keptFrom = new Date(nowMillis - retentionDays * DAY_MILLIS);
  // Records go by whole months, and whoever is in one that is kept has been seen.
  const month = new Date(Date.UTC(keptFrom.getUTCFullYear(), keptFrom.getUTCMonth()));
  await em.fork().transactional(async (writer) => {
    await lockUsage(writer);
    await writer.execute('delete from client_sightings where last_seen_at < ?', [month]);
  });
}
