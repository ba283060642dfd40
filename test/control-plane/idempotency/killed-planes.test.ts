/** What becomes of a change that may be sent again when the plane that makes it is killed, or stalls, in the middle. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { codeOf, sendUnderKey, type AnswerUnderKey } from '../../support/idempotent-requests.ts';
import { answersOk, eventually, freePort, ROOT, startProgram, type Program } from '../../support/processes.ts';
import { anyTestRedis, hasRedis } from '../../support/redis.ts';

const CREATE_KEY = 'mutation($name: String!) { createApiKey(input: { name: $name, type: ORGANISATION }) { apiKey { id } userErrors { code } } }';
const MAKE_TEAM = 'mutation($name: String!) { upsertTeam(input: { name: $name }) { team { id } userErrors { code } } }';
/** Taken in the database by whoever keeps an answer. */
const KEEPING_LOCK = 4711;

let plane: TestControlPlane;
let redis: Awaited<ReturnType<typeof anyTestRedis>>;
let directory: string;

beforeAll(async () => {
  if (!hasRedis) return;
  [plane, redis, directory] = await Promise.all([startTestControlPlane(), anyTestRedis(), mkdtemp(join(tmpdir(), 'turnpike-killed-'))]);
  await plane.database.query(`
    create function wait_before_keeping() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock(${KEEPING_LOCK}); return new; end $$`);
  await plane.database.query(`
    create trigger wait_before_keeping before update on idempotent_requests
    for each row when (new.answer is not null) execute function wait_before_keeping()`);
});
afterAll(async () => {
  await Promise.all([plane?.close(), redis?.stop(), directory === undefined ? undefined : rm(directory, { recursive: true, force: true })]);
});

/** Another replica, as a program of its own. */
async function startReplica(): Promise<{ program: Program; graphqlUrl: string }> {
  const port = await freePort();
  const program = startProgram(process.execPath, [join(ROOT, 'bin/turnpike.mjs'), 'control-plane'], {
    DATABASE_URL: plane.database.url,
    REDIS_URL: redis.url,
    CONTROL_PLANE_PORT: String(port),
    TURNPIKE_SECRET_KEY: plane.settings.secretKey,
    TURNPIKE_DATA_DIR: directory,
  });
  onTestFinished(async () => void (await program.stop('SIGKILL')));
  await eventually(() => answersOk(`http://127.0.0.1:${port}/v1/healthz`), 'the replica being ready');
  return { program, graphqlUrl: `http://127.0.0.1:${port}/graphql` };
}

/** A connection on which locks are held; `release` lets go of all of them. */
async function hold(...locks: string[]): Promise<{ release: () => Promise<unknown> }> {
  const client = new Client({ connectionString: plane.database.url });
  await client.connect();
  onTestFinished(() => client.end());
  await client.query('begin');
  for (const lock of locks) await client.query(lock);
  return { release: () => client.query('rollback') };
}

const KEYS_LOCKED = 'lock table api_keys in share row exclusive mode';
const KEEPING_LOCKED = `select pg_advisory_xact_lock(${KEEPING_LOCK})`;

async function waiting(count: number): Promise<void> {
  await eventually(async () => {
    const rows = await plane.database.query(`select pid from pg_locks where not granted and (relation = 'api_keys'::regclass or objid = ${KEEPING_LOCK})`);
    return rows.length === count ? true : undefined;
  }, `${count} waiting for a lock`);
}

const send = (graphqlUrl: string, query: string, name: string) =>
  sendUnderKey(graphqlUrl, { key: name, token: plane.token, body: { query, variables: { name } } });

const outcomeOf = (answer: AnswerUnderKey) => codeOf(answer) ?? 'done';

/** As a client does that was told to ask again. */
function untilSettled(query: string, name: string): Promise<string> {
  return eventually(async () => {
    const outcome = outcomeOf(await send(plane.graphqlUrl, query, name));
    return outcome === 'CONFLICT' ? undefined : outcome;
  }, `an answer for ${name}`);
}

const namesIn = async (table: 'api_keys' | 'teams', name: string) => (await plane.database.query(`select id from ${table} where name = $1`, [name])).length;

describe.runIf(hasRedis)('a plane', () => {
  test('that is killed: what it had not committed is done when it is asked for again, and what it had is not done twice', async () => {
    const [notYet, already] = [randomUUID(), randomUUID()];
    const { program, graphqlUrl } = await startReplica();
    const { release } = await hold(KEYS_LOCKED, KEEPING_LOCKED);
    const lost = Promise.allSettled([send(graphqlUrl, CREATE_KEY, notYet), send(graphqlUrl, MAKE_TEAM, already)]);
    await waiting(2);
    expect(outcomeOf(await send(plane.graphqlUrl, CREATE_KEY, notYet))).toBe('CONFLICT');
    await program.stop('SIGKILL');
    await release();
    expect((await lost).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await untilSettled(CREATE_KEY, notYet)).toBe('done');
    expect(await untilSettled(MAKE_TEAM, already)).toBe('IDEMPOTENCY_ANSWER_LOST');
    expect([await namesIn('api_keys', notYet), await namesIn('teams', already)]).toEqual([1, 1]);
  }, 120_000);

  test('that stalls until another one has done it does not commit it afterwards', async () => {
    const name = randomUUID();
    const { program, graphqlUrl } = await startReplica();
    const { release } = await hold(KEYS_LOCKED);
    const stalled = send(graphqlUrl, CREATE_KEY, name);
    await waiting(1);
    program.child.kill('SIGSTOP');
    await release();
    await plane.database.query(`update idempotent_requests set renewed_at = now() - interval '1 minute'`);
    expect(await untilSettled(CREATE_KEY, name)).toBe('done');
    program.child.kill('SIGCONT');
    expect(outcomeOf(await stalled)).toBe('CONFLICT');
    expect(await namesIn('api_keys', name)).toBe(1);
    expect(outcomeOf(await send(plane.graphqlUrl, CREATE_KEY, name))).toBe('done');
  }, 120_000);
});
