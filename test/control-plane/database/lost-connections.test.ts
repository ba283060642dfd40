/** However often PostgreSQL drops connections in the middle of transactions, there are connections left, and the pool ends. */
import 'reflect-metadata';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { openOrm } from '../../../control-plane/database/orm.ts';
import { startTestPostgres, type TestDatabase } from '../../support/postgres.ts';
import { recordingLog } from '../../support/recording-log.ts';

/** More than the pool has. */
const LOSSES = 12;
const pidSchema = z.tuple([z.object({ pid: z.number() })]);
let database: TestDatabase;

beforeAll(async () => {
  database = await startTestPostgres();
});
afterAll(() => database?.stop());

test('a connection that was lost in a transaction is not missing afterwards', async () => {
  const orm = await openOrm(database.url, recordingLog().log);
  for (let loss = 0; loss < LOSSES; loss++) {
    const transaction = orm.em.fork().transactional(async (em) => {
      const [{ pid }] = pidSchema.parse(await em.execute('select pg_backend_pid() as pid'));
      await database.query('select pg_terminate_backend($1)', [pid]);
      await em.execute('select 1');
    });
    await expect(transaction).rejects.toThrow(/terminat|connection/);
  }
  expect(await orm.em.fork().execute('select 1 as one')).toEqual([{ one: 1 }]);
  await orm.close(true);
});
