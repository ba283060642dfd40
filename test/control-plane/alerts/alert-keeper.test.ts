/** Every organisation is looked at, whatever becomes of the others. */
import 'reflect-metadata';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAlertKeeper } from '../../../control-plane/alerts/alert-keeper.ts';
import { acrossOrganisations } from '../../../control-plane/database/roles.ts';
import { DataPlanesService } from '../../../control-plane/data-planes/data-planes.service.ts';
import { ReconciliationsService } from '../../../control-plane/money/reconciliations.service.ts';
import { recordingLog } from '../../support/recording-log.ts';
import { startUsageDatabase, type UsageDatabase } from '../../support/usage.ts';

const ORGANISATIONS = ['org_1', 'org_2', 'org_3'];

let usage: UsageDatabase;

beforeAll(async () => {
  usage = await startUsageDatabase();
  for (const id of ORGANISATIONS) await usage.database.query('insert into organisations (id, slug, name) values ($1, $1, $1)', [id]);
});
afterAll(() => usage?.close());

/** Cannot list the nodes of whichever organisation asks first. */
class FailingOnce extends DataPlanesService {
  readonly asked: string[] = [];

  override list(...[em, organisationId]: Parameters<DataPlanesService['list']>): ReturnType<DataPlanesService['list']> {
    this.asked.push(organisationId);
    return this.asked.length === 1 ? Promise.reject(new Error('the nodes cannot be listed')) : super.list(em, organisationId);
  }
}

test('one that cannot be looked at keeps no other waiting, is due again later, and is complained of', async () => {
  const dataPlanes = new FailingOnce();
  const { log, lines } = recordingLog();
  const windowCounts = { read: () => Promise.resolve([]), close: () => Promise.resolve() };
  const keeper = startAlertKeeper(acrossOrganisations(usage.orm.em), { dataPlanes, reconciliations: new ReconciliationsService(), windowCounts }, log);
  await keeper.firstRound;
  await keeper.close();
  expect(dataPlanes.asked.toSorted()).toEqual(ORGANISATIONS);
  const later = await usage.database.query(`select organisation_id as id from alert_looks where next_at > now() + interval '1 minute'`);
  expect(later).toEqual([{ id: dataPlanes.asked[0] }]);
  expect(lines.filter((line) => line.includes('alerts cannot be kept up to date'))).toHaveLength(1);
});
