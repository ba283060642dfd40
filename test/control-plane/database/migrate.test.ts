/** A database of any size can be brought up to date: nothing of it is cut off by the limits of everyday statements. */
import 'reflect-metadata';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MIGRATIONS } from '../../../control-plane/database/migrations/list.ts';
import { migrate, openOrm } from '../../../control-plane/database/orm.ts';
import { startTestPostgres, type TestDatabase } from '../../support/postgres.ts';
import { recordingLog } from '../../support/recording-log.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await startTestPostgres();
});
afterAll(() => database?.stop());

test('every migration has as long as it takes', async () => {
  await database.query('create table limits_seen (statement text, lock text)');
  await database.query(`
    create function see_limits() returns event_trigger language plpgsql as $$
    begin
      insert into limits_seen select current_setting('statement_timeout'), current_setting('lock_timeout') from pg_event_trigger_ddl_commands()
        where object_identity not like 'public.turnpike\\_migrations%';
    end $$`);
  await database.query(`create event trigger see_limits on ddl_command_end when tag in ('CREATE TABLE') execute function see_limits()`);
  const { log } = recordingLog();
  const orm = await openOrm(database.url, log);
  try {
    await migrate(orm, log);
  } finally {
    await orm.close(true);
  }
  expect(await database.query('select distinct statement, lock from limits_seen')).toEqual([{ statement: '0', lock: '0' }]);
  expect(await database.query('select count(*)::integer as migrations from turnpike_migrations')).toEqual([{ migrations: MIGRATIONS.length }]);
});
