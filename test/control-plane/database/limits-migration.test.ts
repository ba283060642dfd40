/** Whoever could do everything before there were budgets can do everything afterwards, and nobody else gains by it. */
import { expect, test } from 'vitest';
import { openOrm } from '../../../control-plane/database/orm.ts';
import { startTestPostgres } from '../../support/postgres.ts';
import { recordingLog } from '../../support/recording-log.ts';

const EVERYTHING = ['SERVER_CREATE', 'SERVER_UPDATE', 'TOOL_CONFIGURE', 'GRANT_MANAGE', 'KEY_MANAGE', 'POLICY_MANAGE', 'MEMBER_MANAGE', 'USAGE_READ'];

test('the permission to manage budgets goes to tokens that had every other one', async () => {
  const database = await startTestPostgres();
  const orm = await openOrm(database.url, recordingLog().log);
  try {
    await orm.migrator.up({ to: '0004-stdio-isolation' });
    await database.query(`insert into organisations (id, slug, name) values ('org_1', 'one', 'One')`);
    const insert = `insert into admin_tokens (id, organisation_id, name, prefix, hash, permissions) values ($1, 'org_1', 't', 'p', $1, $2)`;
    await database.query(insert, ['all', EVERYTHING]);
    await database.query(insert, ['some', EVERYTHING.slice(1)]);
    await orm.migrator.up();
    const rows = await database.query(`select id from admin_tokens where 'BUDGET_MANAGE' = any(permissions)`);
    expect(rows).toEqual([{ id: 'all' }]);
  } finally {
    await orm.close(true);
    await database.stop();
  }
});
