/** The plane starts once for many, waits for its database, and leaves nothing behind when it cannot start. */
import { randomBytes } from 'node:crypto';
import { connect, createServer } from 'node:net';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startControlPlane, type RunningControlPlane } from '../../control-plane/application.ts';
import { connectionOf } from '../../control-plane/database/orm.ts';
import { mintToken } from '../../shared/token.ts';
import { ask, emptyStores, recordingLog, testSettings } from '../support/control-plane.ts';
import { startTestPostgres, type TestDatabase } from '../support/postgres.ts';
import { eventually, freePort } from '../support/processes.ts';

let postgres: TestDatabase;
let counter = 0;

beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(() => postgres?.stop());

/** The URL of a database that is empty. */
async function emptyDatabase(): Promise<string> {
  const name = `start_${++counter}`;
  await postgres.query(`create database ${name}`);
  const url = new URL(postgres.url);
  url.pathname = `/${name}`;
  return String(url);
}

async function dataDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'turnpike-start-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

async function start(environment: Record<string, string>): Promise<RunningControlPlane & { log: string[] }> {
  const { log, lines } = recordingLog();
  const running = await startControlPlane(testSettings(environment), { log, ...emptyStores() });
  onTestFinished(() => running.close());
  return { ...running, log: lines };
}

async function rowsOf(databaseUrl: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

test('the first start leaves one administrator’s token, for the operator alone to read', async () => {
  const [databaseUrl, directory] = [await emptyDatabase(), await dataDirectory()];
  const file = join(directory, 'admin-token');
  await writeFile(file, 'left from another database', { mode: 0o644 });
  const { url } = await start({ DATABASE_URL: databaseUrl, TURNPIKE_DATA_DIR: directory });
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const token = (await readFile(file, 'utf8')).trim();
  expect((await ask(`${url}/graphql`, { query: '{ viewer { organisation { slug } permissions } }' }, token)).data).toMatchObject({
    viewer: { organisation: { slug: 'default' } },
  });
});

test('five that start at once make one organisation and one administrator', async () => {
  const [databaseUrl, directory] = [await emptyDatabase(), await dataDirectory()];
  const secretKey = randomBytes(32).toString('base64');
  const environment = {
    DATABASE_URL: databaseUrl,
    TURNPIKE_DATA_DIR: directory,
    TURNPIKE_SECRET_KEY: secretKey,
    DATA_PLANE_TOKEN: mintToken('dataPlaneToken').token,
  };
  await Promise.all(Array.from({ length: 5 }, () => start(environment)));
  expect(
    await rowsOf(
      databaseUrl,
      'select (select count(*)::int from organisations) as organisations, (select count(*)::int from admin_tokens) as admins, (select count(*)::int from data_plane_tokens) as planes',
    ),
  ).toEqual([{ organisations: 1, admins: 1, planes: 1 }]);
});

test('a second start keeps the organisation and writes no token', async () => {
  const [databaseUrl, directory] = [await emptyDatabase(), await dataDirectory()];
  const environment = { DATABASE_URL: databaseUrl, TURNPIKE_DATA_DIR: directory, TURNPIKE_SECRET_KEY: randomBytes(32).toString('base64') };
  await (await start(environment)).close();
  await rm(join(directory, 'admin-token'));
  await expect(start({ DATABASE_URL: databaseUrl, TURNPIKE_DATA_DIR: directory })).rejects.toThrow('is not the one that this database was made with');
  await start(environment);
  await expect(stat(join(directory, 'admin-token'))).rejects.toThrow('ENOENT');
  expect(await rowsOf(databaseUrl, 'select count(*)::int as admins from admin_tokens')).toEqual([{ admins: 1 }]);
});

test('a database that is not there yet is waited for, and the log says so', async () => {
  const port = await freePort();
  const { log, lines } = recordingLog();
  const settings = testSettings({
    DATABASE_URL: `postgresql://${connectionOf(postgres.url).user}@127.0.0.1:${port}/late`,
    TURNPIKE_DATA_DIR: await dataDirectory(),
  });
  const starting = startControlPlane(settings, { log, ...emptyStores() });
  await eventually(() => lines.find((line) => line.includes('PostgreSQL does not answer yet')), 'the line in the log');
  await postgres.query('create database late');
  const proxy = await forward(port);
  const running = await starting;
  expect((await fetch(`${running.url}/v1/healthz`)).status).toBe(200);
  await running.close();
  await proxy.close();
});

test('a start that waits for its database is given up at once when it is told to', async () => {
  const { log, lines } = recordingLog();
  const stop = new AbortController();
  const settings = testSettings({ DATABASE_URL: `postgresql://127.0.0.1:${await freePort()}/never`, TURNPIKE_DATA_DIR: await dataDirectory() });
  const starting = startControlPlane(settings, { log, ...emptyStores(), signal: stop.signal });
  const ended = starting.catch((error: unknown) => error);
  await eventually(() => lines.find((line) => line.includes('PostgreSQL does not answer yet')), 'the line in the log');
  stop.abort(new Error('enough'));
  expect(await ended).toMatchObject({ name: 'AbortError', cause: new Error('enough') });
});

test('a secret key that the database was not made with is refused, and registers nothing', async () => {
  const [databaseUrl, directory] = [await emptyDatabase(), await dataDirectory()];
  const environment = { DATABASE_URL: databaseUrl, TURNPIKE_DATA_DIR: directory, DATA_PLANE_TOKEN: mintToken('dataPlaneToken').token };
  const secretKey = randomBytes(32).toString('base64');
  await (await start({ ...environment, TURNPIKE_SECRET_KEY: secretKey })).close();
  await expect(start({ ...environment, TURNPIKE_SECRET_KEY: randomBytes(32).toString('base64') })).rejects.toThrow(
    /^TURNPIKE_SECRET_KEY is not the one that this database was made with, and [^\n]+: set it to what it was$/,
  );
  expect(await rowsOf(databaseUrl, 'select count(*)::int as planes from data_plane_tokens')).toEqual([{ planes: 1 }]);
  await start({ ...environment, TURNPIKE_SECRET_KEY: secretKey });
});

test('without its database the plane is alive and not ready, and says no more than that', async () => {
  const port = await freePort();
  const proxy = await forward(port);
  const { user, database } = connectionOf(await emptyDatabase());
  const databaseUrl = `postgresql://${user}@127.0.0.1:${port}/${database}`;
  const directory = await dataDirectory();
  const { url } = await start({ DATABASE_URL: databaseUrl, TURNPIKE_DATA_DIR: directory });
  const token = (await readFile(join(directory, 'admin-token'), 'utf8')).trim();
  await proxy.close();
  await eventually(async () => ((await fetch(`${url}/v1/healthz`)).status === 503 ? true : undefined), 'not being ready');
  expect((await fetch(`${url}/v1/health`)).status).toBe(200);
  const answer = await ask(`${url}/graphql`, { query: '{ viewer { permissions } }' }, token);
  expect(answer.errors).toMatchObject([
    { message: 'the database does not answer', extensions: { code: 'SERVICE_UNAVAILABLE', requestId: expect.any(String) } },
  ]);
  expect(answer.status).toBe(503);
  const back = await forward(port);
  await eventually(async () => ((await fetch(`${url}/v1/healthz`)).status === 200 ? true : undefined), 'being ready again');
  onTestFinished(() => back.close());
});

test('a port that is taken is an error, and nothing stays open', async () => {
  const { url } = await start({ DATABASE_URL: await emptyDatabase(), TURNPIKE_DATA_DIR: await dataDirectory() });
  const databaseUrl = await emptyDatabase();
  const settings = testSettings({ DATABASE_URL: databaseUrl, TURNPIKE_DATA_DIR: await dataDirectory(), CONTROL_PLANE_PORT: new URL(url).port });
  await expect(startControlPlane(settings, { log: recordingLog().log, ...emptyStores() })).rejects.toThrow('EADDRINUSE');
  await eventually(async () => {
    const [row] = await postgres.query('select count(*)::int as open from pg_stat_activity where datname = $1', [new URL(databaseUrl).pathname.slice(1)]);
    return row?.['open'] === 0 ? true : undefined;
  }, 'every connection being closed');
});

test('what is being answered is answered before the plane ends', async () => {
  const { log } = recordingLog();
  const directory = await dataDirectory();
  const databaseUrl = await emptyDatabase();
  const running = await startControlPlane(testSettings({ DATABASE_URL: databaseUrl, TURNPIKE_DATA_DIR: directory }), { log, ...emptyStores() });
  const token = (await readFile(join(directory, 'admin-token'), 'utf8')).trim();
  const blocker = new Client({ connectionString: databaseUrl });
  await blocker.connect();
  await blocker.query('begin; lock table teams');
  const answer = ask(`${running.url}/graphql`, { query: 'mutation { upsertTeam(input: {name: "last"}) { team { slug } } }' }, token);
  await eventually(
    async () =>
      (await rowsOf(databaseUrl, `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`)).length > 0
        ? true
        : undefined,
    'the mutation waiting',
  );
  const closing = running.close();
  await blocker.query('commit');
  expect((await answer).data).toEqual({ upsertTeam: { team: { slug: 'last' } } });
  await closing;
  await blocker.end();
});

test.each([
  ['vk_', mintToken('apiKey').token],
  ['a damaged one', `${mintToken('dataPlaneToken').token.slice(0, -1)}!`],
])('a DATA_PLANE_TOKEN that is %s is refused in one sentence', async (_what, token) => {
  await expect(start({ DATABASE_URL: await emptyDatabase(), TURNPIKE_DATA_DIR: await dataDirectory(), DATA_PLANE_TOKEN: token })).rejects.toThrow(
    /^DATA_PLANE_TOKEN is not a data-plane token/,
  );
});

/** A way to the database that can be taken away. */
async function forward(port: number): Promise<{ close(): Promise<void> }> {
  const open = new Set<{ destroy(): unknown }>();
  const { host, port: targetPort } = connectionOf(postgres.url);
  const server = createServer((inner) => {
    const outer = connect(host.startsWith('/') ? { path: `${host}/.s.PGSQL.${targetPort}` } : { host, port: targetPort });
    for (const socket of [inner, outer]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        inner.destroy();
        outer.destroy();
      });
    }
    inner.pipe(outer).pipe(inner);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    close: () => {
      for (const socket of open) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
