/** Windows that Redis lost, between a node and the control plane: what is under way is told again, counted in, and settled as if nothing had happened. */
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LostWindows } from '../../../control-plane/money/lost-windows.ts';
import { CountersRebuilding, type Admission, type OpenRequest } from '../../../data-plane/counters/counters.ts';
import { connectRedisCounters, type RedisCounters } from '../../../data-plane/counters/redis-counters.ts';
import { newId } from '../../../shared/ids.ts';
import { eventually } from '../../support/processes.ts';
import { hasRedis, startTestRedis, withRedis, type TestRedis } from '../../support/redis.ts';
import { eventsIn, windowIn } from '../../support/redis-counts.ts';

const LATER = 4_102_444_800_000;
const log = pino({ level: 'silent' });

describe.runIf(hasRedis)('windows', () => {
  let redis: TestRedis;
  let counters: RedisCounters;
  let lost: LostWindows;
  let owner: string;
  let underWay: OpenRequest[];

  beforeAll(async () => {
    redis = await startTestRedis();
  });
  afterAll(() => redis?.stop());
  beforeEach(async () => {
    owner = newId('organisation');
    underWay = [];
    await withRedis(redis.url, (client) => client.flushall());
    counters = connectRedisCounters({ url: redis.url, log, openRequests: () => underWay });
    lost = new LostWindows(redis.url, log);
    await eventually(() => (counters.isAvailable ? true : undefined), 'Redis answering');
  });
  afterEach(async () => {
    await counters?.close(0);
    await lost?.close();
  });

  const admission = (given: Partial<Admission> = {}): Admission => {
    const requestId = newId('request');
    const hold = { key: 'window', previousKey: undefined, limit: 1000, observe: false, expireAtMillis: LATER };
    return { organisationId: owner, requestId, rates: [], leases: [], holds: [hold], heldAmounts: [10], intent: `lost ${requestId}`, ...given };
  };
  const counted = () => windowIn(redis.url, owner, 'window');
  const isTold = (requestId: string) =>
    eventually(
      async () => ((await withRedis(redis.url, (client) => client.hexists(`{${owner}}:open`, requestId))) === 1 ? true : undefined),
      'the node telling it',
    );
  /** As the control plane does it, once the nodes had their time. */
  const count = async (used: bigint, recorded: readonly string[] = []) => {
    await eventually(async () => ((await lost.owners()).includes(owner) ? true : undefined), 'the request to count');
    const greeting = await eventually(() => lost.greeting(), 'the nodes having spoken');
    await lost.forget(owner);
    const token = randomUUID();
    await eventually(async () => ((await lost.lock(owner, token)) ? true : undefined), 'the lock');
    const requests = (await lost.openRequests(owner)).map((requestId) => ({ requestId, hasRecord: recorded.includes(requestId) }));
    return lost.write(owner, { token, greeting, requests, windows: [{ key: 'window', keptUntilMillis: LATER, used }] });
  };

  test('are closed until they are counted, and the first call waits for that', async () => {
    const [asked] = await Promise.all([counters.admit(admission()), count(985n)]);
    expect(asked).toEqual({ kind: 'admitted', observedHolds: [] });
    expect(await counted()).toEqual({ used: 985, reserved: 10 });
    expect(await counters.admit(admission())).toMatchObject({ kind: 'refused', used: 985, reserved: 10 });
    expect(await lost.owners()).toEqual([]);
  });

  test('that nobody counts refuse what is enforced, and leave rates and what only observes to the node', async () => {
    await expect(counters.admit(admission())).rejects.toBeInstanceOf(CountersRebuilding);
    const [hold] = admission().holds;
    await expect(counters.admit(admission({ holds: hold === undefined ? [] : [{ ...hold, observe: true }] }))).rejects.toBeInstanceOf(CountersRebuilding);
    expect(
      await counters.admit(admission({ holds: [], heldAmounts: [], rates: [{ key: 'rate', limit: 1, windowMillis: 1000, burst: undefined }] })),
    ).toMatchObject({
      kind: 'admitted',
    });
    expect(await counted()).toBeUndefined();
  });

  test('hold what is under way, with what was held beyond its admission, and its lease', async () => {
    const leases = [{ key: 'lease', max: 1, ttlMillis: 60_000 }];
    const asked = admission({ leases });
    await Promise.all([counters.admit(asked), count(0n)]);
    const longer = { heldAmounts: [40], intent: 'longer' };
    await counters.extend(asked, longer);
    underWay = [{ admission: asked, held: longer }];
    await withRedis(redis.url, (client) => client.flushall());
    await isTold(asked.requestId);
    const refused = counters.admit(admission({ leases }));
    await count(500n);
    expect(await refused).toMatchObject({ kind: 'refused', check: 'lease' });
    expect(await counted()).toEqual({ used: 500, reserved: 40 });
    counters.settle({ admission: asked, amounts: [33], event: 'over' });
    await counters.flushed();
    expect(await counted()).toEqual({ used: 533, reserved: 0 });
    expect(await eventsIn(redis.url, owner)).toEqual(['over']);
  });

  test('get what ended while they were closed, once', async () => {
    const asked = admission();
    await Promise.all([counters.admit(asked), count(0n)]);
    await withRedis(redis.url, (client) => client.flushall());
    counters.settle({ admission: asked, amounts: [7], event: 'over' });
    counters.record(owner, 'refused');
    await isTold(asked.requestId);
    expect(await counted()).toBeUndefined();
    await count(100n);
    await counters.flushed();
    expect(await counted()).toEqual({ used: 107, reserved: 0 });
    expect(await eventsIn(redis.url, owner)).toEqual(expect.arrayContaining(['over', 'refused']));
  });

  test('of a copy that was behind lose what it takes to be under way and has a record', async () => {
    const [over, open] = [admission(), admission()];
    await Promise.all([counters.admit(over), count(0n)]);
    await counters.admit(open);
    await withRedis(redis.url, (client) => client.hdel(`{${owner}}:counts`, 'epoch'));
    const next = counters.admit(admission());
    await count(4n, [over.requestId]);
    expect(await next).toMatchObject({ kind: 'admitted' });
    expect(await counted()).toEqual({ used: 4, reserved: 20 });
  });

  test('are written by whoever has the lock, and by nobody who has lost it', async () => {
    const asked = counters.admit(admission()).catch((error: unknown) => error);
    await eventually(async () => ((await lost.owners()).includes(owner) ? true : undefined), 'the request to count');
    expect(await lost.lock(owner, 'first')).toBe(true);
    expect(await lost.lock(owner, 'second')).toBe(false);
    await lost.unlock(owner, 'second');
    expect(await lost.write(owner, { token: 'second', greeting: '', requests: [], windows: [] })).toBe(false);
    await lost.unlock(owner, 'first');
    expect(await asked).toBeInstanceOf(CountersRebuilding);
    expect(await lost.owners()).toEqual([owner]);
  });
});
