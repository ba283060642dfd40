/** The embedded database starts, survives its owner, stops, and says in one sentence when it cannot be used. */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
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

async function emptied(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) if (entry.isFile()) await rm(join(directory, entry.name));
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

test('an empty postmaster.pid, as a power cut leaves it, does not keep the database from starting', async () => {
  const directory = await dataDirectory();
  await (await startEmbeddedPostgres({ dataDirectory: directory, log })).stop();
  await writeFile(join(directory, 'pg/postmaster.pid'), '');
  await (await startEmbeddedPostgres({ dataDirectory: directory, log })).stop();
});

test('a server that still runs keeps a second one out, even when its postmaster.pid was damaged', async () => {
  const directory = await dataDirectory();
  const first = await startEmbeddedPostgres({ dataDirectory: directory, log });
  const file = join(directory, 'pg/postmaster.pid');
  const text = await readFile(file, 'utf8');
  await writeFile(file, '');
  await expect(startEmbeddedPostgres({ dataDirectory: directory, log })).rejects.toThrow('cannot be opened');
  await writeFile(file, text);
  expect(await query(first, 'select 1 as one')).toEqual([{ one: 1 }]);
  await first.stop();
});

test.each<[string, (cluster: string) => Promise<void>, RegExp]>([
  ['of another version', (cluster) => writeFile(join(cluster, 'PG_VERSION'), '17\n'), /initialized by PostgreSQL version 17/],
  ['without a version', (cluster) => rm(join(cluster, 'PG_VERSION')), /is not a valid data directory/],
  ['whose control file is cut short', (cluster) => truncate(join(cluster, 'global/pg_control'), 100), /could not read file "global\/pg_control"/],
  ['whose control file is all zero', (cluster) => writeFile(join(cluster, 'global/pg_control'), Buffer.alloc(8192)), /PG_CONTROL_VERSION 0/],
  ['whose control file is gone', (cluster) => rm(join(cluster, 'global/pg_control')), /could not find the database system/],
  ['without its write-ahead log', (cluster) => emptied(join(cluster, 'pg_wal')), /could not locate a valid checkpoint record/],
  ['whose settings are damaged', (cluster) => writeFile(join(cluster, 'postgresql.conf'), 'nonsense'), /postgresql\.conf" contains errors/],
  ['that starts, and has lost the tables', (cluster) => rm(join(cluster, 'base/5'), { recursive: true }), /database subdirectory "base\/5" is missing/],
])('a database %s is one sentence that names it and the reason, and leaves no server', async (_fault, damage, reason) => {
  const directory = await dataDirectory();
  await (await startEmbeddedPostgres({ dataDirectory: directory, log })).stop();
  const cluster = join(directory, 'pg');
  await damage(cluster);
  const failure: unknown = await startEmbeddedPostgres({ dataDirectory: directory, log }).catch((error: unknown) => error);
  expect(String(failure)).toMatch(/^Error: the embedded database in \S+\/pg cannot be opened \([^\n]+\): restore it [^\n]+$/);
  expect(String(failure)).toMatch(reason);
  // One that crashed leaves its file behind, with the number of nobody.
  const left = await readPostmaster(cluster);
  expect(left !== undefined && (await isPostmaster(left.pid, cluster))).toBe(false);
});

test.each(['pg', 'run'])('a file where the directory %s goes is named', async (name) => {
  const directory = await dataDirectory();
  await writeFile(join(directory, name), '');
  await expect(startEmbeddedPostgres({ dataDirectory: directory, log })).rejects.toThrow(
    new RegExp(`/${name} is where .* and is not a directory: move it away$`),
  );
  await rm(join(directory, name));
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
