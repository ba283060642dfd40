/** Versions are handed out in the order of commits, and what is not committed never was. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { appendConfigChanges } from '../../../control-plane/config-feed/change-log.ts';
import { migrate, openOrm } from '../../../control-plane/database/orm.ts';
import type { ConfigChange } from '../../../shared/config-document.ts';
import { startTestPostgres, type TestDatabase } from '../../support/postgres.ts';
import { recordingLog } from '../../support/recording-log.ts';

type Orm = Awaited<ReturnType<typeof openOrm>>;
let database: TestDatabase;
let orm: Orm;

beforeAll(async () => {
  database = await startTestPostgres();
  const { log } = recordingLog();
  orm = await openOrm(database.url, log);
  await migrate(orm, log);
});
afterAll(async () => {
  await orm?.close(true);
  await database?.stop();
});

const removal = (id: string): ConfigChange => ({ op: 'remove', kind: 'apiKey', id });
const append = (...changes: ConfigChange[]) => orm.em.fork().transactional((em) => appendConfigChanges(em, changes));
const rowsOf = (version: string) =>
  database.query('select position, organisation_id, change from config_changes where version = $1 order by position', [version]);

test('the changes of one edit share a version and keep their order and their owner', async () => {
  const organisation = {
    op: 'upsert',
    kind: 'organisation',
    value: { id: 'org_1', slug: 'one', denialStyle: 'AUTO', unknownClients: 'ALLOW', semanticFilter: null },
  } as const;
  const version = await append(organisation, removal('key_1'));
  expect(await rowsOf(version)).toEqual([
    { position: 0, organisation_id: 'org_1', change: organisation },
    { position: 1, organisation_id: null, change: removal('key_1') },
  ]);
});

test('edits at the same time get versions without a gap and without a double', async () => {
  const before = BigInt(await append());
  const versions = await Promise.all(Array.from({ length: 20 }, (_, index) => append(removal(`key_${index}`))));
  expect(versions.map(BigInt).toSorted((one, other) => Number(one - other))).toEqual(Array.from({ length: 20 }, (_, index) => before + BigInt(index) + 1n));
});

test('an edit that fails leaves neither changes nor a gap', async () => {
  const before = BigInt(await append());
  const failing = orm.em.fork().transactional(async (em) => {
    await appendConfigChanges(em, [removal('key_never')]);
    throw new Error('the edit failed');
  });
  await expect(failing).rejects.toThrow('the edit failed');
  expect(BigInt(await append())).toBe(before + 1n);
  expect(await database.query(`select 1 from config_changes where change ->> 'id' = 'key_never'`)).toEqual([]);
});

test('changes are forgotten after ten thousand versions', async () => {
  const version = await append(removal('key_old'));
  await database.query('update config_version set version = version + 10000');
  await append(removal('key_new'));
  expect(await rowsOf(version)).toEqual([]);
});
