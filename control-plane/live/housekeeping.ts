/** Lets grow old what is kept for a while, every minute: what was noticed of servers, changes that were told, alerts, exports, and answers to requests that may come again. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import { forgetAlerts } from '../alerts/alert-book.ts';
import { RepeatedTask } from '../background/repeated-task.ts';
import { endExports } from '../exports/end-exports.ts';
import { forgetAnswers } from '../idempotency/claim.ts';
import type { ServerHealthService } from '../server-health/server-health.service.ts';
import { forgetLiveChanges } from './live-changes.ts';

const PAUSE_MILLIS = 60_000;

/** `em` sees every organisation. Any number of replicas may do it at once, and what cannot be cleared away keeps nothing else from it. */
export function startHousekeeping(em: EntityManager, health: Pick<ServerHealthService, 'forget'>, log: Logger): RepeatedTask[] {
  const clearings = [() => health.forget(em), () => endExports(em), () => forgetAlerts(em), () => forgetLiveChanges(em), () => forgetAnswers(em)];
  return clearings.map((clear) => new RepeatedTask({ pauseMillis: PAUSE_MILLIS, log, complaint: 'what is over cannot be cleared away' }, clear));
}
