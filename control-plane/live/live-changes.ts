/** Which objects of an organisation changed, in the order of commits: noted with the change, and told to whoever follows them on any replica. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import type { Notifications } from '../database/notifications.ts';
import { withinOrganisation } from '../database/roles.ts';
import { WakeUps } from './wake-ups.ts';

export const LIVE_CHANNEL = 'turnpike_live';
/** Any number, the same in every replica; the organisation is the other half of the lock's name. */
const LIVE_LOCK = 7_261_024;
/** Objects that are told at once; a reader who is further behind than so many changes goes on with the newest. */
const BEHIND_MAX = 1000;
const KEPT = '1 day';

export type LiveNoun = 'SERVER' | 'ALERT' | 'EXPORT';

const changesSchema = z.array(z.object({ subjectId: z.string(), sequence: z.string() }));
const lastSchema = z.object({ last: z.string() });

/** In the transaction of the change; of one organisation at a time, since its lock is held until the commit. */
export async function noteLiveChanges(em: EntityManager, noun: LiveNoun, organisationId: string, subjectIds: readonly string[]): Promise<void> {
  if (subjectIds.length === 0) return;
  await em.execute('select pg_advisory_xact_lock(?::integer, hashtext(?))', [LIVE_LOCK, organisationId]);
  await em.execute('insert into live_changes (organisation_id, noun, subject_id) select ?, ?, value from json_array_elements_text(?::json)', [
    organisationId,
    noun,
    JSON.stringify(subjectIds),
  ]);
  await em.execute(`select pg_notify('${LIVE_CHANNEL}', '')`);
}

/** Of any organisations, in one order, so that nobody waits crosswise for their locks. */
export async function noteLiveChangesOfEach(
  em: EntityManager,
  noun: LiveNoun,
  changes: readonly { readonly organisationId: string; readonly subjectId: string }[],
): Promise<void> {
  const ofEach = Map.groupBy(changes, ({ organisationId }) => organisationId);
  for (const [organisationId, own] of [...ofEach].toSorted(([one], [other]) => (one < other ? -1 : 1)))
    await noteLiveChanges(
      em,
      noun,
      organisationId,
      own.map(({ subjectId }) => subjectId),
    );
}

/** Nobody comes back to these: whoever connects reads the objects themselves. */
export async function forgetLiveChanges(em: EntityManager): Promise<void> {
  await em.fork().execute(`delete from live_changes where at < now() - interval '${KEPT}'`);
}

export class LiveChanges {
  readonly #em: EntityManager;
  readonly #notifications: Pick<Notifications, 'count' | 'nextAfter'>;

  constructor(em: EntityManager, notifications: Pick<Notifications, 'count' | 'nextAfter'>) {
    this.#em = em;
    this.#notifications = notifications;
  }

  /**
   * Begins now, and says so by an empty list: what is read then is as new as what follows. Ids of what changed since the look before, each once however often it changed: who reads slowly is told less often, and never of
   * more than there are objects. The reader pulls, so nothing is ever buffered for a slow one.
   */
  async *follow(organisationId: string, noun: LiveNoun, signal: AbortSignal): AsyncGenerator<string[]> {
    const em = withinOrganisation(this.#em, organisationId);
    let sequence = await lastOf(em, organisationId);
    yield [];
    const wakeUps = new WakeUps(this.#notifications, { channel: LIVE_CHANNEL, signal });
    while (await wakeUps.next()) {
      const rows = await em.fork().execute(
        `select subject_id as "subjectId", max(sequence)::text as sequence from live_changes where organisation_id = ? and noun = ? and sequence > ?
         group by subject_id order by max(sequence) desc limit ${BEHIND_MAX}`,
        [organisationId, noun, sequence],
      );
      const changes = changesSchema.parse(rows).toReversed();
      sequence = changes.at(-1)?.sequence ?? sequence;
      if (changes.length > 0) yield changes.map(({ subjectId }) => subjectId);
    }
  }
}

async function lastOf(em: EntityManager, organisationId: string): Promise<string> {
  const rows = await em.execute('select coalesce(max(sequence), 0)::text as last from live_changes where organisation_id = ?', [organisationId]);
  return lastSchema.parse(rows[0]).last;
}
