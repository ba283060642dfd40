/** Which organisations are to be compared now, each by one replica: whoever comes first takes them. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';

/** A replica that took organisations and was lost keeps them from the others for so long. */
export const TAKEN_MILLIS = 600_000;
/** Organisations that are taken at once. */
const AT_ONCE = 8;
const rowsSchema = z.array(z.object({ organisation_id: z.string() }));

/** Takes organisations that have limits and are due, by the clock of the database. */
export async function takeDue(em: EntityManager): Promise<string[]> {
  const rows = await em.fork().execute(
    `insert into reconciliations (organisation_id, next_at)
     select distinct limits.organisation_id, now() + ? * interval '1 millisecond' from limits left join reconciliations using (organisation_id)
     where limits.active and (next_at is null or next_at <= now()) limit ?
     on conflict (organisation_id) do update set next_at = excluded.next_at where reconciliations.next_at <= now()
     returning organisation_id`,
    [TAKEN_MILLIS, AT_ONCE],
  );
  return rowsSchema.parse(rows).map(({ organisation_id: organisationId }) => organisationId);
}

/** Says when an organisation that was taken is due again. */
export async function putOff(em: EntityManager, organisationId: string, millis: number): Promise<void> {
  await em
    .fork()
    .execute(`update reconciliations set next_at = now() + ? * interval '1 millisecond' where organisation_id = ?`, [Math.ceil(millis), organisationId]);
}
