/** No sealed usage record can be edited, taken out, put in or moved without being found, and what retention drops is no fault. */
import 'reflect-metadata';
import { readFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AuditHeadKeeper } from '../../../control-plane/audit/audit-head-keeper.ts';
import { AUDIT_HEADS_FILE, HeadSigner, type AuditHead } from '../../../control-plane/audit/audit-heads.ts';
import { findUnsealed, sealRound } from '../../../control-plane/usage-seals/seal-usage.ts';
import { verifyUsageSeals, type SealsReport } from '../../../control-plane/usage-seals/verify-usage-seals.ts';
import { keepPartitions } from '../../../control-plane/usage-intake/usage-partitions.ts';
import { writeUsage } from '../../../control-plane/usage-intake/usage-writer.ts';
import { newId } from '../../../shared/ids.ts';
import { SecretKey } from '../../../shared/secret-key.ts';
import type { UsageEvent } from '../../../shared/usage-event.ts';
import { tamper } from '../../support/audit-tampering.ts';
import { recordingLog } from '../../support/recording-log.ts';
import { startUsageDatabase, usageEvent, type UsageDatabase } from '../../support/usage.ts';

const OWN = 'org_own';
const OTHER = 'org_other';
const [JANUARY, FEBRUARY] = [Date.UTC(2026, 0, 31, 23), Date.UTC(2026, 1, 1)];
const MINUTE_MILLIS = 60_000;
const signer = new HeadSigner(new SecretKey(Buffer.alloc(32, 'key of seals').toString('base64')));
let usage: UsageDatabase;
let directory: string;

beforeAll(async () => {
  usage = await startUsageDatabase();
  directory = await mkdtemp(join(tmpdir(), 'turnpike-seals-'));
  for (const id of [OWN, OTHER]) await usage.database.query('insert into organisations (id, slug, name) values ($1, $1, $1)', [id]);
  await keepPartitions(usage.orm.em, JANUARY, undefined);
});
afterAll(async () => {
  await usage?.close();
  await rm(directory, { recursive: true, force: true });
});
beforeEach(async () => {
  await usage.clear();
  await tamper(usage.database, 'truncate usage_seals');
});

/** A call of the minute after the hour. */
function call(hourMillis: number, minute: number, given: Partial<UsageEvent> = {}): UsageEvent {
  const timeMillis = hourMillis + minute * MINUTE_MILLIS;
  return usageEvent({ requestId: newId('request', timeMillis), timeMillis, tool: `minute ${minute}`, ...given });
}

const store = (...events: UsageEvent[]) => writeUsage(usage.orm.em, events);
const seal = (organisationId = OWN) => sealRound(usage.orm.em, organisationId);

async function reportOf(organisationId = OWN, heads: readonly AuditHead[] = []): Promise<SealsReport | undefined> {
  return (await verifyUsageSeals(usage.orm.em, heads)).find((report) => report.organisationId === organisationId);
}

async function keptHeads(): Promise<AuditHead[]> {
  await new AuditHeadKeeper({ em: usage.orm.em, signer, dataDirectory: directory, log: recordingLog().log }).close();
  const lines = (await readFile(join(directory, AUDIT_HEADS_FILE), 'utf8')).trim().split('\n');
  await rm(join(directory, AUDIT_HEADS_FILE));
  return lines.flatMap((line) => signer.read(line) ?? []);
}

/** Two hours in the last of a month and the first of the next, sealed in two rounds, with a late call in the second. */
async function sealTwoHours(): Promise<void> {
  await store(call(JANUARY, 1), call(JANUARY, 2), call(JANUARY, 3));
  await seal();
  await store(call(FEBRUARY, 1), call(FEBRUARY, 2), call(JANUARY, 4));
  await seal();
}

test('a round has a seal for each hour, a late record is in the next one of its hour, and told again changes nothing', async () => {
  const [first, late] = [call(JANUARY, 1), call(JANUARY, 2)];
  await store(first);
  await seal();
  await store(first, late, call(FEBRUARY, 1));
  await seal();
  await store(first, late);
  await seal();
  const seals = await usage.database.query(
    `select position::int, to_char(hour at time zone 'UTC', 'MM-DD HH24') as hour, records::int from usage_seals order by 1`,
  );
  expect(seals).toEqual([
    { position: 1, hour: '01-31 23', records: 1 },
    { position: 2, hour: '01-31 23', records: 1 },
    { position: 3, hour: '02-01 00', records: 1 },
  ]);
  expect(await reportOf()).toEqual({ organisationId: OWN, seals: 3, heads: 0, records: 3, unsealed: '0', dropped: [], fault: undefined });
});

test('only what was stored before the moment is due, and many who seal at once seal everything once', async () => {
  await store(call(JANUARY, 1), call(JANUARY, 2, { organisationId: OTHER }));
  expect(await findUnsealed(usage.orm.em, new Date(Date.now() - MINUTE_MILLIS))).toEqual([]);
  expect(await findUnsealed(usage.orm.em, new Date(Date.now() + MINUTE_MILLIS))).toEqual([OTHER, OWN]);
  await Promise.all(Array.from({ length: 8 }, () => Promise.all([seal(), seal(OTHER)])));
  expect(await findUnsealed(usage.orm.em, new Date(Date.now() + MINUTE_MILLIS))).toEqual([]);
  expect(await usage.database.query('select organisation_id, count(*)::int from usage_seals group by 1 order by 1')).toEqual([
    { organisation_id: OTHER, count: 1 },
    { organisation_id: OWN, count: 1 },
  ]);
});

test('what was stored since is told as not sealed yet', async () => {
  await sealTwoHours();
  await store(call(FEBRUARY, 9));
  expect(await reportOf()).toMatchObject({ records: 6, unsealed: '1', fault: undefined });
});

describe('found is', () => {
  const IN_JANUARY = `request_id = (select request_id from mcp_usage_records where tool = 'minute 2' order by request_id limit 1)`;

  test.each([
    ['an edit of what a call cost', `update usage_records set cost_nanos_usd = 0 where ${IN_JANUARY}`, 'records are not as they were stored'],
    ['an edit of the decision', `update usage_records set decision = 'DENIED' where ${IN_JANUARY}`, 'records are not as they were stored'],
    ['an edit of which tool was called', `update mcp_usage_records set tool = 'harmless' where ${IN_JANUARY}`, 'records are not as they were stored'],
    [
      'a deletion',
      `delete from usage_records where ${IN_JANUARY}`,
      'records are missing in the hour from 2026-01-31T23:00:00Z (seal 1): 3 were sealed, and 2 are there',
    ],
    [
      'a deletion of the MCP side alone',
      `delete from mcp_usage_records where ${IN_JANUARY}`,
      'records are missing in the hour from 2026-01-31T23:00:00Z (seal 1)',
    ],
    [
      'a change of the order',
      `update usage_records set sequence = case sequence when (select min(sequence) from usage_records) then sequence + 1 else sequence - 1 end
       where sequence <= (select min(sequence) + 1 from usage_records)`,
      'records are not as they were stored',
    ],
    [
      'a record that was put in',
      `insert into usage_records select (jsonb_populate_record(u, '{"id": "use_x", "request_id": "req_x"}')).* from usage_records u where ${IN_JANUARY};
       insert into mcp_usage_records select (jsonb_populate_record(m, '{"request_id": "req_x"}')).* from mcp_usage_records m where ${IN_JANUARY}`,
      'records were put in in the hour from 2026-01-31T23:00:00Z (seal 1): 3 were sealed, and 4 are there',
    ],
    [
      'a record of an hour in which there were none',
      `update usage_records set occurred_at = occurred_at - interval '5 hours' where ${IN_JANUARY}`,
      'records are missing in the hour from 2026-01-31T23:00:00Z (seal 1)',
    ],
    ['a record in front of all', `update usage_records set sequence = -7 where ${IN_JANUARY}`, 'records are not as they were stored'],
    [
      'truncation of the records',
      'truncate usage_records',
      'records are missing in the hour from 2026-01-31T23:00:00Z (seal 1): 3 were sealed, and 0 are there',
    ],
    [
      'an edit of a seal',
      `update usage_seals set records = 2 where position = 1`,
      'seals: position 1 (the hour from 2026-01-31T23:00:00Z) is not as it was written',
    ],
    ['a deletion of a seal', 'delete from usage_seals where position = 2', 'seals: position 2 is missing'],
  ])('%s', async (_what, statements, fault) => {
    await sealTwoHours();
    await store(call(JANUARY, 1, { organisationId: OTHER }));
    await seal(OTHER);
    await tamper(usage.database, statements);
    expect((await reportOf())?.fault).toContain(fault);
  });

  test('truncation of records and seals together, by the head that was kept', async () => {
    await sealTwoHours();
    const heads = await keptHeads();
    await tamper(
      usage.database,
      `delete from usage_seals where position > 1; delete from usage_records where sequence > (select max(upto_sequence) from usage_seals)`,
    );
    expect(await reportOf()).toMatchObject({ fault: undefined, records: 3 });
    expect((await reportOf(OWN, heads))?.fault).toMatch(/^seals: the chain was cut off behind position 1: at .* it ended at position 3$/);
  });
});

test('the heads of seals and of audit events are told apart', async () => {
  await sealTwoHours();
  expect(await keptHeads()).toMatchObject([{ chain: 'usage', organisationId: OWN, position: '3' }]);
});

test.each(['update usage_seals set records = 0', 'delete from usage_seals', 'truncate usage_seals'])('the database refuses to %s', async (statement) => {
  await expect(usage.database.query(statement)).rejects.toThrow('seals of usage are only ever added');
});

test('a month that retention drops is noted in the chain and no fault; one that somebody else drops is', async () => {
  await sealTwoHours();
  await keepPartitions(usage.orm.em, Date.UTC(2026, 1, 15), 10);
  expect(await reportOf()).toEqual({ organisationId: OWN, seals: 4, heads: 0, records: 2, unsealed: '0', dropped: ['2026-01'], fault: undefined });
  await store(call(FEBRUARY, 7));
  await seal();
  expect(await reportOf()).toMatchObject({ seals: 5, records: 3, fault: undefined });
  await usage.database.query('drop table usage_records_2026_02');
  expect((await reportOf())?.fault).toContain('records are missing in the hour from 2026-02-01T00:00:00Z');
});
