/** Events from before there was a chain are in it as they were, and whoever could do everything may read them. */
import { expect, test } from 'vitest';
import { verifyAudit } from '../../../control-plane/audit/verify-audit.ts';
import { openOrm } from '../../../control-plane/database/orm.ts';
import { tamper } from '../../support/audit-tampering.ts';
import { startTestPostgres } from '../../support/postgres.ts';
import { recordingLog } from '../../support/recording-log.ts';

const EVERYTHING = [
  'SERVER_CREATE',
  'SERVER_UPDATE',
  'TOOL_CONFIGURE',
  'GRANT_MANAGE',
  'KEY_MANAGE',
  'POLICY_MANAGE',
  'BUDGET_MANAGE',
  'MEMBER_MANAGE',
  'USAGE_READ',
];
/** More than two batches. */
const EVENTS = 2300;

test('what is there is chained in the order of its time, in each organisation for itself', async () => {
  const database = await startTestPostgres();
  const orm = await openOrm(database.url, recordingLog().log);
  try {
    await orm.migrator.up({ to: '0007-usage-rollups' });
    await database.query(`insert into organisations (id, slug, name) values ('org_1', 'one', 'One'), ('org_2', 'two', 'Two'), ('org_3', 'three', 'Three')`);
    const insert = `insert into admin_tokens (id, organisation_id, name, prefix, hash, permissions) values ($1, 'org_1', 't', 'p', $1, $2)`;
    await database.query(insert, ['all', EVERYTHING]);
    await database.query(insert, ['some', EVERYTHING.slice(1)]);
    await database.query(
      `insert into audit_events (id, organisation_id, occurred_at, actor_kind, actor_id, action, target_id, target_label, before, after, request_id)
       select 'aud_' || number, 'org_' || 1 + (number % 50 = 0)::int, timestamptz '2026-01-01Z' - number * interval '1.000001 seconds', 'ADMIN_TOKEN', 'adm_1', 'setPricing',
         'srv_1', 'Zoë', null, '{"b": 1.50, "a": [1e3, "ü\\n"]}', 'req_1' from generate_series(1, $1::int) as number`,
      [EVENTS],
    );
    await orm.migrator.up();
    expect(await verifyAudit(orm.em, [])).toEqual([
      { organisationId: 'org_1', events: (EVENTS * 49) / 50, heads: 0, fault: undefined },
      { organisationId: 'org_2', events: EVENTS / 50, heads: 0, fault: undefined },
      { organisationId: 'org_3', events: 0, heads: 0, fault: undefined },
    ]);
    const [first] = await database.query(`select id from audit_events where organisation_id = 'org_1' and position = 1`);
    expect(first).toEqual({ id: `aud_${EVENTS - 1}` });
    await tamper(database, `update audit_events set after = '{"b": 1.51, "a": [1e3, "ü\\n"]}' where organisation_id = 'org_1' and position = 2000`);
    expect((await verifyAudit(orm.em, []))[0]?.fault).toContain('position 2000');
    expect(await database.query(`select id from admin_tokens where 'AUDIT_READ' = any(permissions)`)).toEqual([{ id: 'all' }]);
  } finally {
    await orm.close(true);
    await database.stop();
  }
});
