/** What becomes of counts and events when Redis goes away in any of its ways: nothing is counted twice, nothing is lost, nothing crashes. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CountersUnavailable, type Admission } from '../../data-plane/counters/counters.ts';
import { connectRedisCounters, type RedisCounters } from '../../data-plane/counters/redis-counters.ts';
import { newId } from '../../shared/ids.ts';
import { startMutingRelay } from '../support/muting-relay.ts';
import { eventually } from '../support/processes.ts';
import { recordingLog } from '../support/recording-log.ts';
import { hasRedis, startTestRedis, withRedis, type TestRedis } from '../support/redis.ts';
import { eventsIn, windowIn } from '../support/redis-counts.ts';

const LATER = 4_102_444_800_000;

describe.runIf(hasRedis)('counters', () => {
  let redis: TestRedis;
  let counters: RedisCounters;
  let lines: string[];
  let owner: string;

  beforeAll(async () => {
    redis = await startTestRedis();
  });
  afterAll(() => redis?.stop());
  beforeEach(async () => {
    owner = newId('organisation');
    [counters, lines] = await connected(redis.url);
  });
  afterEach(() => counters?.close(0));

  const admission = (given: Partial<Admission> = {}): Admission => {
    const requestId = newId('request');
    return { organisationId: owner, requestId, rates: [], leases: [], holds: [hold], heldAmounts: [10], intent: `lost ${requestId}`, ...given };
  };
  const hold = { key: 'window', previousKey: undefined, limit: 1000, observe: false, expireAtMillis: LATER };
  const settle = (one: Admission) => counters.settle({ admission: one, amounts: [4], event: `over ${one.requestId}` });
  const eventsOf = () => eventsIn(redis.url, owner);
  const windowOf = () => windowIn(redis.url, owner, 'window');
  const isBack = () => eventually(() => (counters.isAvailable ? true : undefined), 'the counters being back');
  const isAway = () =>
    eventually(async () => {
      await expect(counters.admit(admission())).rejects.toBeInstanceOf(CountersUnavailable);
      return true;
    }, 'the counters being away');
  const warnings = () => lines.filter((line) => /"level":(?:40|50)/.test(line));

  test('a Redis that is stopped: admissions are unavailable, settlements arrive after its return, each once', async () => {
    const open = [admission(), admission(), admission()];
    for (const one of open) await counters.admit(one);
    await redis.halt();
    await isAway();
    for (const one of open) settle(one);
    for (let index = 0; index < 500; index++) counters.record(owner, `refused ${index}`);
    for (let index = 0; index < 50; index++) await expect(counters.admit(admission())).rejects.toBeInstanceOf(CountersUnavailable);
    expect(counters.backlog).toBe(503);
    expect(counters.isAvailable).toBe(false);
    await redis.resume();
    await counters.flushed();
    expect(await windowOf()).toEqual({ used: 12, reserved: 0 });
    const events = await eventsOf();
    expect(events).toHaveLength(503);
    expect(new Set(events).size).toBe(503);
    expect(events.slice(0, 3)).toEqual(open.map(({ requestId }) => `over ${requestId}`));
    expect(await counters.admit(admission())).toMatchObject({ kind: 'admitted' });
    expect(warnings()).toHaveLength(1);
  });

  test('a Redis that is not there at the start is found when it comes', async () => {
    await redis.halt();
    const [early, told] = await connected(redis.url, false);
    await expect(early.admit(admission())).rejects.toBeInstanceOf(CountersUnavailable);
    early.record(owner, 'refused');
    await eventually(() => (told.some((line) => line.includes('does not answer')) ? true : undefined), 'it being logged');
    await redis.resume();
    await early.flushed();
    expect(await eventsOf()).toEqual(['refused']);
    await early.close(0);
  });

  test('scripts that were flushed are loaded again without anybody noticing', async () => {
    const open = admission();
    await counters.admit(open);
    await withRedis(redis.url, (client) => client.script('FLUSH'));
    expect(await counters.admit(admission())).toMatchObject({ kind: 'admitted' });
    await withRedis(redis.url, (client) => client.script('FLUSH'));
    settle(open);
    await counters.flushed();
    expect(await eventsOf()).toEqual([`over ${open.requestId}`]);
    expect(warnings()).toEqual([]);
  });

  test('a Redis that hangs: admissions are unavailable, and what it then took after all is given back', async () => {
    const open = admission();
    await counters.admit(open);
    const pid = await withRedis(redis.url, async (client) => Number(/process_id:(\d+)/.exec(await client.info('server'))?.[1]));
    process.kill(pid, 'SIGSTOP');
    const unknown = admission();
    try {
      await expect(counters.admit(unknown)).rejects.toBeInstanceOf(CountersUnavailable);
      settle(open);
      counters.settle({ admission: unknown, amounts: [0], event: 'refused after all' });
      await expect(counters.admit(admission())).rejects.toBeInstanceOf(CountersUnavailable);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await counters.flushed();
    expect(await windowOf()).toEqual({ used: 4, reserved: 0 });
    expect(await eventsOf()).toEqual([`over ${open.requestId}`, 'refused after all']);
    await isBack();
  });

  test('an answer that is lost on its way: nothing is counted twice, whoever asks again', async () => {
    const relay = await startMutingRelay(Number(new URL(redis.url).port));
    const [far] = await connected(`redis://127.0.0.1:${relay.port}`);
    const asked = admission();
    relay.mute();
    await expect(far.admit(asked)).rejects.toBeInstanceOf(CountersUnavailable);
    expect(await windowOf()).toEqual({ used: 0, reserved: 10 });
    far.settle({ admission: asked, amounts: [4], event: 'over' });
    relay.heal();
    await far.flushed();
    relay.mute();
    const open = admission();
    await expect(far.admit(open)).rejects.toBeInstanceOf(CountersUnavailable);
    relay.heal();
    await eventually(() => (far.isAvailable ? true : undefined), 'the counters being back');
    expect(await far.admit(open)).toEqual({ kind: 'admitted', observedHolds: [] });
    expect(await windowOf()).toEqual({ used: 4, reserved: 10 });
    relay.mute();
    far.settle({ admission: open, amounts: [5], event: 'over too' });
    await eventually(() => (far.isAvailable ? undefined : true), 'the silence being noticed');
    relay.heal();
    await far.flushed();
    expect(await windowOf()).toEqual({ used: 9, reserved: 0 });
    // The reply to the second settlement was lost, so its event is told again; the intake stores it once.
    expect(await eventsOf()).toEqual(['over', 'over too', 'over too']);
    await far.close(0);
    await relay.close();
  });

  test.each([
    ['full', ['maxmemory', '1'], ['maxmemory', '0']],
    ['read-only', ['replicaof'], ['replicaof']],
  ])('a Redis that is %s takes nothing and loses nothing, and is told of once', async (what, on, off) => {
    const open = admission();
    await counters.admit(open);
    const command = async (words: readonly string[], host: string, port: string) => {
      if (what === 'full') await withRedis(redis.url, (client) => client.config('SET', words[0] ?? '', words[1] ?? ''));
      else await withRedis(redis.url, (client) => client.replicaof(host, port));
    };
    await command(on, '127.0.0.1', '1');
    await isAway();
    counters.record(owner, 'refused');
    for (let index = 0; index < 20; index++) await expect(counters.admit(admission())).rejects.toBeInstanceOf(CountersUnavailable);
    expect(counters.backlog).toBe(1);
    await command(off, 'NO', 'ONE');
    settle(open);
    await counters.flushed();
    expect(await windowOf()).toEqual({ used: 4, reserved: 0 });
    expect(await eventsOf()).toEqual(['refused', `over ${open.requestId}`]);
    expect(warnings()).toHaveLength(1);
  });

  test('a backlog that is full drops further refusals and says how many, and keeps every settlement', async () => {
    const [small, told] = await connected(redis.url, true, 10);
    const open = admission();
    await small.admit(open);
    await redis.halt();
    await eventually(() => (small.isAvailable ? undefined : true), 'the absence being noticed');
    for (let index = 0; index < 15; index++) small.record(owner, `refused ${index}`);
    small.settle({ admission: open, amounts: [4], event: 'over' });
    expect(small.backlog).toBe(11);
    await redis.resume();
    await small.flushed();
    expect(await eventsOf()).toHaveLength(11);
    expect(await windowOf()).toEqual({ used: 4, reserved: 0 });
    expect(told.filter((line) => line.includes('"dropped":5'))).toHaveLength(1);
    await small.close(0);
  });

  test('a Redis that lost everything is told again which organisations have events', async () => {
    counters.record(owner, 'before');
    await counters.flushed();
    await withRedis(redis.url, (client) => client.flushall());
    counters.record(owner, 'after');
    await eventually(
      async () => ((await withRedis(redis.url, (client) => client.sismember('turnpike:usage-streams', owner))) === 1 ? true : undefined),
      'the stream being announced again',
    );
    expect(await eventsOf()).toEqual(['after']);
  });

  test('what cannot be handed over before the end is counted, and the end does not wait for ever', async () => {
    await redis.halt();
    await isAway();
    counters.record(owner, 'refused');
    expect(await counters.close(50)).toBe(1);
    await redis.resume();
  });
});

async function connected(url: string, isThere = true, backlogMax = 100_000): Promise<[RedisCounters, string[]]> {
  const { log, lines } = recordingLog();
  const counters = connectRedisCounters({ url, log, backlogMax });
  if (isThere) await eventually(() => (counters.isAvailable ? true : undefined), 'Redis answering');
  return [counters, lines];
}
