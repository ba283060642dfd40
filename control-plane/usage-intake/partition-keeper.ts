/** Has the partitions of usage kept in order, at the start and every hour. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import { systemClock } from '../../shared/clock.ts';
import { RepeatedTask } from '../background/repeated-task.ts';
import { keepPartitions } from './usage-partitions.ts';

const PAUSE_MILLIS = 3_600_000;

/**
 * Resolves when the partitions are in order, so that what comes then finds its month, or when that has failed. Nothing is lost then:
 * what has no month is in the default partition, and finds its way from there the next time.
 */
export async function startPartitionKeeper(em: EntityManager, retentionDays: number | undefined, log: Logger): Promise<RepeatedTask> {
  const keeper = new RepeatedTask({ pauseMillis: PAUSE_MILLIS, log, complaint: 'the partitions of usage could not be kept in order' }, () =>
    keepPartitions(em, systemClock.now(), retentionDays),
  );
  await keeper.firstRound;
  return keeper;
}
