/** An older database keeps its usage when it is cut into months, and gets the sums of it. */
import 'reflect-metadata';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrate, openOrm } from '../../../control-plane/database/orm.ts';
import { usageDifferences } from '../../../control-plane/usage/verify-usage.ts';
import { writeUsage } from '../../../control-plane/usage-intake/usage-writer.ts';
import { startTestPostgres, type TestDatabase } from '../../support/postgres.ts';
import { recordingLog } from '../../support/recording-log.ts';
import { usageEvent } from '../../support/usage.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await startTestPostgres();
});
afterAll(() => database?.stop());

test('records, their order and their sums are there after the migration, and the next batch adds to them', async () => {
  const { log } = recordingLog();
  const orm = await openOrm(database.url, log);
  try {
    await orm.migrator.up({ to: '0003-usage' });
    await database.query(
      `insert into usage_records (id, request_id, occurred_at, data_plane, organisation_id, status, decision, observed, latency_micros, input_bytes,
        output_bytes, cost_nanos_usd, dlp_outcome)
      select 'use_' || number, 'req_' || number, '2026-11-20T11:59:59Z'::timestamptz + number * interval '1 second', 'node:1',
        case when number % 7 = 0 then null else 'org_own' end, 200, 'ALLOWED', '[]', number * number * 1000, number, 2 * number, 10 ^ 20 + number, 'NONE'
      from generate_series(1, 300) number`,
    );
    await database.query(
      `insert into mcp_usage_records (request_id, http_method, is_tool_error, tool) select request_id, 'POST', false, 'echo' from usage_records`,
    );
    await migrate(orm, log);
    const timeMillis = Date.UTC(2026, 10, 20, 12, 30);
    await writeUsage(orm.em, [usageEvent({ requestId: 'req_1', timeMillis }), usageEvent({ timeMillis, serverSlug: null, transport: null })]);
    expect(await usageDifferences(orm.em, { gte: new Date(Date.UTC(2026, 10, 20)), lt: new Date(Date.UTC(2026, 10, 21)) })).toEqual([]);
    expect(await database.query('select count(*)::integer as records, max(sequence)::integer > 300 as later from usage_records')).toEqual([
      { records: 301, later: true },
    ]);
  } finally {
    await orm.close(true);
  }
});
