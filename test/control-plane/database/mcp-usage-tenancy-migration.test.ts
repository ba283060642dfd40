/** The MCP side of older records is told whose they are, and so is what a replica of the version before still stores. */
import 'reflect-metadata';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrate, openOrm } from '../../../control-plane/database/orm.ts';
import { TENANT_ROLE, withinOrganisation } from '../../../control-plane/database/roles.ts';
import { startTestPostgres, type TestDatabase } from '../../support/postgres.ts';
import { recordingLog } from '../../support/recording-log.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await startTestPostgres();
});
afterAll(() => database?.stop());

/** As the version before does: the record first, then its MCP side. */
async function store(requestId: string, organisationId: string | null): Promise<void> {
  await database.query(
    `insert into usage_records (id, request_id, occurred_at, data_plane, organisation_id, status, decision, observed, latency_micros, input_bytes, output_bytes,
      cost_nanos_usd, dlp_outcome) values ('use_' || $1, $1, now(), 'node:1', $2, 200, 'ALLOWED', '[]', 1, 1, 1, 1, 'NONE')`,
    [requestId, organisationId],
  );
  await database.query(`insert into mcp_usage_records (request_id, http_method, is_tool_error, tool) values ($1, 'POST', false, 'echo')`, [requestId]);
}

test('every organisation sees the MCP side of its own records, older and newer, and of no others', async () => {
  const { log } = recordingLog();
  const owner = await openOrm(database.url, log);
  const tenant = await openOrm(database.url, log, TENANT_ROLE);
  try {
    await owner.migrator.up({ to: '0025-claims' });
    await store('req_before_a', 'org_a');
    await store('req_before_b', 'org_b');
    await store('req_before_nobody', null);
    await migrate(owner, log);
    await store('req_after_a', 'org_a');
    await store('req_after_nobody', null);
    const seenBy = (organisationId: string) =>
      withinOrganisation(tenant.em, organisationId).execute('select request_id as id, organisation_id as of from mcp_usage_records order by request_id desc');
    expect(await seenBy('org_a')).toEqual([
      { id: 'req_before_a', of: 'org_a' },
      { id: 'req_after_a', of: 'org_a' },
    ]);
    expect(await seenBy('org_b')).toEqual([{ id: 'req_before_b', of: 'org_b' }]);
    expect(await tenant.em.fork().execute('select request_id from mcp_usage_records')).toEqual([]);
  } finally {
    await tenant.close(true);
    await owner.close(true);
  }
});
