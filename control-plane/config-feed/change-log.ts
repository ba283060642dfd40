/** Writes configuration changes under the next version, in the transaction of the edit that they follow from. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import type { ConfigChange } from '../../shared/config-document.ts';

export const CONFIG_CHANNEL = 'turnpike_config';
/** Older ones are forgotten: a data plane that has been away for longer gets a snapshot. */
const VERSIONS_KEPT = 10_000;
const versionSchema = z.object({ version: z.string() });

/**
 * Locks the one row of the version until the transaction ends, so that versions become visible in their order and none is ever
 * skipped. Answers the new version.
 */
export async function appendConfigChanges(em: EntityManager, changes: readonly ConfigChange[]): Promise<string> {
  // What the changes were made from must be written before the lock is held, so that it is held for as short as can be.
  await em.flush();
  const [row] = await em.execute('update config_version set version = version + 1 returning version::text as version');
  const { version } = versionSchema.parse(row);
  const rows = changes.map((change, position) => ({ position, organisation_id: organisationOf(change), change }));
  await em.execute(
    `insert into config_changes (version, position, organisation_id, change)
     select ?, position, organisation_id, change from jsonb_to_recordset(?::jsonb) as rows (position integer, organisation_id text, change jsonb)`,
    [version, JSON.stringify(rows)],
  );
  await em.execute('select forget_config_changes(?)', [String(BigInt(version) - BigInt(VERSIONS_KEPT))]);
  await em.execute(`select pg_notify('${CONFIG_CHANNEL}', ?)`, [version]);
  return version;
}

/** Null for what every data plane must hear: removals, whose organisation nobody needs to know, and global policies. */
function organisationOf(change: ConfigChange): string | null {
  if (change.op === 'remove') return null;
  return change.kind === 'organisation' ? change.value.id : change.value.organisationId;
}
