/** Lets what was noticed of servers grow old, in the background. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import { RepeatedTask } from '../background/repeated-task.ts';
import { forgetLiveChanges } from '../live/live-changes.ts';
import type { ServerHealthService } from './server-health.service.ts';

const PAUSE_MILLIS = 60_000;

/** `em` sees every organisation. Any number of replicas may do it at once. */
export function startHealthKeeper(em: EntityManager, health: ServerHealthService, log: Logger): RepeatedTask {
  return new RepeatedTask({ pauseMillis: PAUSE_MILLIS, log, complaint: 'the health of servers cannot be kept up to date' }, async () => {
    await health.forget(em);
    await forgetLiveChanges(em);
  });
}
