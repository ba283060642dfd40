/** Looks again and again what is to be told in each organisation; whichever replica comes first does it. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import { z } from 'zod';
import { WindowCountsUnavailable } from '../../shared/window-counts.ts';
import { RepeatedTask } from '../background/repeated-task.ts';
import { insideOrganisation } from '../database/tenant-filter.ts';
import type { Services } from '../services.ts';
import { keepAlerts } from './alert-book.ts';
import { ALERT_KINDS, type AlertCondition, type AlertKind } from './alert-condition.ts';
import { dataPlaneConditions } from './data-plane-conditions.ts';
import { ledgerConditions, limitConditions } from './limit-conditions.ts';
import { serverConditions } from './server-conditions.ts';
import { usageConditions } from './usage-conditions.ts';

const PAUSE_MILLIS = 5000;
/** How often an organisation is looked at. */
const LOOK_SECONDS = 10;
/** An organisation that could not be looked at, or whose replica was lost meanwhile, is due again after so long. */
const TAKEN_SECONDS = 120;
const takenSchema = z.array(z.object({ organisation_id: z.string() }));

export type AlertSources = Pick<Services, 'dataPlanes' | 'reconciliations' | 'windowCounts'>;

/** `em` sees every organisation. */
export function startAlertKeeper(em: EntityManager, sources: AlertSources, log: Logger): RepeatedTask {
  return new RepeatedTask({ pauseMillis: PAUSE_MILLIS, log, complaint: 'alerts cannot be kept up to date' }, async (signal) => {
    const failures: unknown[] = [];
    for (let taken = await takeDue(em); taken !== undefined; taken = signal.aborted ? undefined : await takeDue(em)) {
      try {
        await lookAtOrganisation(em, taken, sources);
        await em.fork().execute(`update alert_looks set next_at = now() + interval '${LOOK_SECONDS} seconds' where organisation_id = ?`, [taken]);
      } catch (error) {
        // The others are looked at all the same.
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'organisations could not be looked at');
  });
}

/** Looks at one organisation, and keeps what holds of it now. */
export async function lookAtOrganisation(
  everything: EntityManager,
  organisationId: string,
  { dataPlanes, reconciliations, windowCounts }: AlertSources,
): Promise<void> {
  const em = insideOrganisation(everything, organisationId);
  const stored = await em
    .fork()
    .transactional(
      async (reader) => [
        ...(await serverConditions(reader, organisationId)),
        ...(await usageConditions(reader, organisationId)),
        ...(await dataPlaneConditions(reader, organisationId, dataPlanes)),
        ...(await ledgerConditions(reader, reconciliations)),
      ],
      { readOnly: true },
    );
  const ofLimits = await unlessUnknown(() => limitConditions(em.fork(), organisationId, windowCounts));
  const kinds = ofLimits === undefined ? ALERT_KINDS.filter((kind) => !OF_COUNTERS.includes(kind)) : ALERT_KINDS;
  await keepAlerts(em, organisationId, { kinds, conditions: [...stored, ...(ofLimits ?? [])] });
}

/** What only the counters know. */
const OF_COUNTERS: readonly AlertKind[] = ['BUDGET_THRESHOLD', 'BUDGET_EXHAUSTED', 'QUOTA_EXHAUSTED'];

/** Undefined while counters do not answer: what nobody knows is neither raised nor over. */
async function unlessUnknown(find: () => Promise<AlertCondition[]>): Promise<AlertCondition[] | undefined> {
  try {
    return await find();
  } catch (error) {
    if (error instanceof WindowCountsUnavailable) return undefined;
    throw error;
  }
}

/** By the clock of the database. */
async function takeDue(em: EntityManager): Promise<string | undefined> {
  const rows = await em.fork().execute(
    `insert into alert_looks (organisation_id, next_at)
     select organisations.id, now() + interval '${TAKEN_SECONDS} seconds' from organisations left join alert_looks on organisation_id = organisations.id
     where next_at is null or next_at <= now() limit 1
     on conflict (organisation_id) do update set next_at = excluded.next_at where alert_looks.next_at <= now()
     returning organisation_id`,
  );
  return takenSchema.parse(rows)[0]?.organisation_id;
}
