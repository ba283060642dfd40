/** Clients are forgotten with the records of the month in which they were last seen, of every organisation, and no others. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openOrm } from '../../../control-plane/database/orm.ts';
import { acrossOrganisations, TENANT_ROLE } from '../../../control-plane/database/roles.ts';
import { forgetSightings, startSightingsKeeper } from '../../../control-plane/usage-intake/sightings-keeper.ts';
import { recordingLog } from '../../support/control-plane.ts';
import { eventually } from '../../support/processes.ts';
import { startUsageDatabase, type UsageDatabase } from '../../support/usage.ts';

const NOW = Date.UTC(2026, 10, 20);

let usage: UsageDatabase;

beforeAll(async () => {
  usage = await startUsageDatabase();
});
afterAll(() => usage?.close());

async function see(organisationId: string, clientName: string, lastSeenAt: string): Promise<void> {
  await usage.database.query(`insert into client_sightings values ($1, $2, '', '', '{}', 1, '2020-01-01', $3)`, [organisationId, clientName, lastSeenAt]);
}

async function known(): Promise<string[]> {
  const rows = await usage.database.query('select client_name as name from client_sightings order by client_name');
  return rows.map(({ name }) => String(name));
}

test('who was last seen before the month of the oldest records is forgotten, in every organisation', async () => {
  await see('org_a', 'long ago', '2026-09-30T23:59:59.999Z');
  await see('org_b', 'long ago, too', '2025-01-01T00:00:00Z');
  await see('org_a', 'in the oldest month', '2026-10-01T00:00:00Z');
  await see('org_b', 'yesterday', '2026-11-19T00:00:00Z');
  const orm = await openOrm(usage.database.url, recordingLog().log, TENANT_ROLE);
  try {
    const em = acrossOrganisations(orm.em);
    await forgetSightings(em, NOW, 60);
    expect(await known()).toHaveLength(4 - 1);
    await forgetSightings(em, NOW, 30);
    expect(await known()).toEqual(['in the oldest month', 'yesterday']);
    await see('org_a', 'ages ago', '2020-01-01T00:00:00Z');
    const keeper = startSightingsKeeper(em, 1000, recordingLog().log);
    await eventually(async () => ((await known()).length === 2 ? true : undefined), 'the keeper forgetting');
    await keeper.close();
  } finally {
    await orm.close(true);
  }
});
