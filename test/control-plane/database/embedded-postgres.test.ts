/** The embedded database starts, survives its owner, stops, and says in one sentence when it cannot be used. */
import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../../control-plane/database/embedded-postgres.ts';
import { openOrm } from '../../../control-plane/database/orm.ts';
import { isPostmaster, readPostmaster } from '../../../control-plane/database/postmaster.ts';
import { eventually } from '../../support/processes.ts';

const log = pino({ level: 'silent' });

/** A data directory that the database's account may enter, gone after the test together with its server. */
async function dataDirectory(name = 'data'): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'turnpike-pg-'));
  await chmod(parent, 0o711);
  const directory = join(parent, name);
  await mkdir(directory, { mode: 0o711 });
  onTestFinished(async () => {
    const found = await readPostmaster(join(directory, 'pg'));
    if (found !== undefined && (await isPostmaster(found.pid, join(directory, 'pg')))) process.kill(found.pid, 'SIGKILL');
    await rm(parent, { recursive: true, force: true, maxRetries: 10 });
  });
  return directory;
}

async function query(database: EmbeddedPostgres, sql: string): Promise<unknown> {
  const orm = await openOrm(database.databaseUrl, log);
  try {
    return await orm.em.fork().execute(sql);
  } finally {
    await orm.close();
  }
}

test('what was written is there after a stop and a start, and the stop leaves no server', async () => {
  const directory = await dataDirectory();
  const first = await startEmbeddedPostgres({ dataDirectory: directory, log });
  expect(first.isNew).toBe(true);
  await query(first, 'create table kept as select 42 as answer');
  const pid = (await readPostmaster(join(directory, 'pg')))?.pid ?? 0;
  await first.stop();
  expect(await isPostmaster(pid, join(directory, 'pg'))).toBe(false);
  const second = await startEmbeddedPostgres({ dataDirectory: directory, log });
  expect(second.isNew).toBe(false);
  expect(await query(second, 'select answer from kept')).toEqual([{ answer: 42 }]);
  await second.stop();
});

test('a server whose owner is gone is used again', async () => {
  const directory = await dataDirectory();
  const first = await startEmbeddedPostgres({ dataDirectory: directory, log });
  const before = await readPostmaster(join(directory, 'pg'));
  const second = await startEmbeddedPostgres({ dataDirectory: directory, log });
  expect(await readPostmaster(join(directory, 'pg'))).toEqual(before);
  expect(second.databaseUrl).toBe(first.databaseUrl);
  await second.stop();
});

test('a server that was killed recovers, with everything that was acknowledged', async () => {
  const directory = await dataDirectory();
  const first = await startEmbeddedPostgres({ dataDirectory: directory, log });
  await query(first, 'create table kept as select 42 as answer');
  const pid = (await readPostmaster(join(directory, 'pg')))?.pid ?? 0;
  process.kill(pid, 'SIGKILL');
  await eventually(async () => ((await isPostmaster(pid, join(directory, 'pg'))) ? undefined : true), 'the end of the server');
  const second = await startEmbeddedPostgres({ dataDirectory: directory, log });
  expect(await query(second, 'select answer from kept')).toEqual([{ answer: 42 }]);
  await second.stop();
});

test('a postmaster.pid that names another program does not keep the database from starting', async () => {
  const directory = await dataDirectory();
  await (await startEmbeddedPostgres({ dataDirectory: directory, log })).stop();
  await writeFile(join(directory, 'pg/postmaster.pid'), `${process.pid}\n${directory}/pg\n1\n5432\n/nowhere\n\n 1 1\nready\n`);
  const database = await startEmbeddedPostgres({ dataDirectory: directory, log });
  expect(await query(database, 'select 1 as one')).toEqual([{ one: 1 }]);
  await database.stop();
});

test('a corrupt directory is one sentence that names it', async () => {
  const directory = await dataDirectory();
  await (await startEmbeddedPostgres({ dataDirectory: directory, log })).stop();
  await writeFile(join(directory, 'pg/global/pg_control'), 'nonsense');
  await expect(startEmbeddedPostgres({ dataDirectory: directory, log })).rejects.toThrow(
    /^the embedded database in .*pg cannot be opened \([^\n]+\): restore it [^\n]+$/,
  );
});

test('a directory that holds something else is refused and left alone', async () => {
  const directory = await dataDirectory();
  await mkdir(join(directory, 'pg'));
  await writeFile(join(directory, 'pg/letter.txt'), 'mine');
  await expect(startEmbeddedPostgres({ dataDirectory: directory, log })).rejects.toThrow('cannot be opened');
  expect(await readdir(join(directory, 'pg'))).toEqual(['letter.txt']);
});

test('the socket is short and private however long the directory is', async () => {
  const directory = await dataDirectory('long'.repeat(40));
  const database = await startEmbeddedPostgres({ dataDirectory: directory, log });
  const socketDirectory = new URL(database.databaseUrl).searchParams.get('host') ?? '';
  onTestFinished(() => rm(socketDirectory, { recursive: true, force: true }));
  expect(socketDirectory.length).toBeLessThan(90);
  expect((await stat(socketDirectory)).mode & 0o077).toBe(0);
  expect(await query(database, 'select 1 as one')).toEqual([{ one: 1 }]);
  await database.stop();
});
