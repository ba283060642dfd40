/** Any number of intakes share the streams in Redis, and together they store every event once. */
import 'reflect-metadata';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openOrm } from '../../../control-plane/database/orm.ts';
import { RedisUsageSource, type RedisUsageSourceOptions } from '../../../control-plane/usage-intake/redis-usage-source.ts';
import { UsageIntake } from '../../../control-plane/usage-intake/usage-intake.ts';
import { writeUsageEvent, type UsageEvent } from '../../../shared/usage-event.ts';
import { GREETING_KEY } from '../../../shared/window-counts.ts';
import { eventually } from '../../support/processes.ts';
import { recordingLog } from '../../support/recording-log.ts';
import { startTestRedis, withRedis, type TestRedis } from '../../support/redis.ts';
import { startUsageDatabase, usageEvent, usageEvents, type UsageDatabase } from '../../support/usage.ts';

const ORGANISATIONS = ['org_one', 'org_two', 'org_three'];
const { log } = recordingLog();
let redis: TestRedis;
let usage: UsageDatabase;
const ending: (() => Promise<void>)[] = [];

beforeAll(async () => {
  [redis, usage] = await Promise.all([startTestRedis(), startUsageDatabase()]);
});
afterAll(() => Promise.all([redis?.stop(), usage?.close()]));
beforeEach(() => usage.clear());
afterEach(async () => {
  for (const end of ending.splice(0)) await end();
});

/** A replica: its own connections to both. */
async function startReplica(options?: RedisUsageSourceOptions): Promise<void> {
  const orm = await openOrm(usage.database.url, log);
  const intake = new UsageIntake(new RedisUsageSource(redis.url, log, options), orm.em, log);
  ending.push(async () => {
    await intake.close();
    await orm.close(true);
  });
}

const streamOf = (organisationId: string) => `{${organisationId}}:usage`;

/** Adds events to the streams of their organisations, in the given order. */
function add(events: readonly UsageEvent[]): Promise<void> {
  return withRedis(redis.url, async (connection) => {
    const pipeline = connection.pipeline();
    for (const event of events) {
      const owner = event.organisationId ?? '';
      pipeline.sadd('turnpike:usage-streams', owner).xadd(streamOf(owner), '*', 'e', writeUsageEvent(event));
    }
    for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error;
  });
}

/** How many entries the streams still hold. */
function left(): Promise<number> {
  return withRedis(redis.url, async (connection) => {
    const lengths = await Promise.all(ORGANISATIONS.map((owner) => connection.xlen(streamOf(owner))));
    return lengths.reduce((sum, length) => sum + length, 0);
  });
}

const streamsEmpty = () => eventually(async () => ((await left()) === 0 ? true : undefined), 'every stream being empty');

test('two intakes that read the same streams store every event exactly once, also those that were told twice', async () => {
  await Promise.all([startReplica(), startReplica()]);
  let told: UsageEvent[] = [];
  for (let round = 0; round < 10; round++) {
    const fresh = ORGANISATIONS.flatMap((organisationId) => usageEvents(100, { organisationId }));
    // Each round tells again what the round before told, when that is stored already or still under way.
    await add([...fresh, ...told]);
    told = fresh;
  }
  await streamsEmpty();
  expect(await usage.stored()).toEqual({ records: 3000, sidecars: 3000, costNanosUsd: '3000' });
  expect(await usage.deadLetters()).toEqual([]);
});

test('what a reader took and never acknowledged is stored by another', async () => {
  const abandoned = new RedisUsageSource(redis.url, log);
  ending.push(() => abandoned.close());
  await add(ORGANISATIONS.flatMap((organisationId) => usageEvents(50, { organisationId })));
  const taken = await eventually(async () => {
    const deliveries = await abandoned.read(500, 0);
    return deliveries.length > 0 ? deliveries.length : undefined;
  }, 'the reader taking events');
  expect(taken).toBeGreaterThan(0);
  await startReplica({ abandonedMillis: 50, takeOverMillis: 50 });
  await streamsEmpty();
  expect(await usage.stored()).toMatchObject({ records: 150, costNanosUsd: '150' });
});

test('a batch that is stored and not acknowledged, since its reader was cut off, is stored once', async () => {
  const events = usageEvents(50, { organisationId: 'org_one' });
  await add(events);
  const cutOff = new RedisUsageSource(redis.url, log);
  cutOff.acknowledge = () => Promise.reject(new Error('cut off'));
  const orm = await openOrm(usage.database.url, log);
  const intake = new UsageIntake(cutOff, orm.em, log);
  await eventually(async () => ((await usage.stored()).records === 50 ? true : undefined), 'the first reader storing');
  await intake.close();
  await orm.close(true);
  expect(await left()).toBe(50);
  await startReplica({ abandonedMillis: 50, takeOverMillis: 50 });
  await streamsEmpty();
  expect(await usage.stored()).toMatchObject({ records: 50, costNanosUsd: '50' });
});

test('of an entry that carries several events each is stored or set aside, and then it is done with', async () => {
  const [poison, ...good] = [usageEvent({ latencyMicros: 0.5 }), usageEvent(), usageEvent()];
  const fields = [...good, poison].flatMap((event) => ['e', writeUsageEvent(event)]);
  await withRedis(redis.url, async (connection) => {
    await connection.sadd('turnpike:usage-streams', 'org_one');
    await connection.xadd(streamOf('org_one'), '*', 'e', 'nonsense', ...fields);
  });
  await startReplica();
  await streamsEmpty();
  expect(await usage.stored()).toMatchObject({ records: 2 });
  expect(await usage.deadLetters()).toHaveLength(2);
});

describe('a Redis that lost its memory, or another one in its place', () => {
  /** As the nodes do it. */
  const greet = (greeting: string) => withRedis(redis.url, (connection) => connection.set(GREETING_KEY, greeting));
  const addAs = (id: string, event: UsageEvent) => withRedis(redis.url, (connection) => connection.xadd(streamOf('org_one'), id, 'e', writeUsageEvent(event)));
  const read = (source: RedisUsageSource) =>
    eventually(async () => {
      const deliveries = await source.read(500, 0).catch(() => []);
      return deliveries.length > 0 ? deliveries : undefined;
    }, 'something to read');
  let source: RedisUsageSource;

  beforeEach(async () => {
    await withRedis(redis.url, (connection) => connection.flushall());
    await withRedis(redis.url, (connection) => connection.sadd('turnpike:usage-streams', 'org_one'));
    await greet('one 1');
    source = new RedisUsageSource(redis.url, log);
    ending.push(() => source.close());
  });

  test('keeps its own entry when one of the same id is acknowledged that was read before', async () => {
    await addAs('5-0', usageEvent());
    const before = await read(source);
    await withRedis(redis.url, (connection) => connection.flushall());
    await withRedis(redis.url, (connection) => connection.sadd('turnpike:usage-streams', 'org_one'));
    await greet('two 2');
    const event = usageEvent();
    await addAs('5-0', event);
    await source.acknowledge(before);
    const [delivery] = await read(source);
    expect(delivery).toMatchObject({ json: writeUsageEvent(event), greeting: 'two 2' });
    await source.acknowledge([delivery].flatMap((one) => one ?? []));
    expect(await left()).toBe(0);
  });

  test('with the entries that were there gives them again at once, and is done with them then', async () => {
    await add(usageEvents(3, { organisationId: 'org_one' }));
    const before = await read(source);
    expect(before).toHaveLength(3);
    await greet('two 2');
    await source.acknowledge(before);
    expect(await left()).toBe(3);
    const again = await read(source);
    expect(again.map(({ json }) => json)).toEqual(before.map(({ json }) => json));
    await source.acknowledge(again);
    expect(await left()).toBe(0);
  });
});

test('bad events in the batches of several control planes hold up nothing else, and each is set aside once', async () => {
  await Promise.all([startReplica(), startReplica(), startReplica()]);
  const events = ORGANISATIONS.flatMap((organisationId) =>
    Array.from({ length: 100 }, (_, index) => usageEvent({ organisationId, ...(index % 50 === 7 ? { latencyMicros: 0.5 } : {}) })),
  );
  await add(events);
  await streamsEmpty();
  expect(await usage.stored()).toMatchObject({ records: 294, costNanosUsd: '294' });
  expect(await usage.deadLetters()).toHaveLength(6);
  const owners = await usage.database.query('select organisation_id as owner, count(*)::integer as letters from usage_dead_letters group by 1 order by 1');
  expect(owners).toEqual(ORGANISATIONS.toSorted().map((owner) => ({ owner, letters: 2 })));
});
