/** What only the counters in Redis have to promise: calls of lost nodes are closed, turns share a call, and nothing stays for ever. */
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectRedisCounters, type RedisCounters } from '../../../data-plane/counters/redis-counters.ts';
import type { Admission, HoldCheck } from '../../../data-plane/counters/counters.ts';
import { newId } from '../../../shared/ids.ts';
import { eventually } from '../../support/processes.ts';
import { anyTestRedis, hasRedis, withRedis } from '../../support/redis.ts';
import { eventsIn, windowIn } from '../../support/redis-counts.ts';

const INTENT_LIFETIME_MILLIS = 300;
const log = pino({ level: 'silent' });

describe.runIf(hasRedis)('counters in Redis', () => {
  let redis: Awaited<ReturnType<typeof anyTestRedis>>;
  let counters: RedisCounters;

  beforeAll(async () => {
    redis = await anyTestRedis();
    counters = connectRedisCounters({ url: redis.url, log, intentLifetimeMillis: INTENT_LIFETIME_MILLIS });
    await eventually(() => (counters.isAvailable ? true : undefined), 'Redis answering');
  });
  afterAll(async () => {
    await counters?.close(0);
    await redis?.stop();
  });

  type Hold = HoldCheck & { readonly amount: number };
  type Asked = Partial<Omit<Admission, 'holds' | 'heldAmounts'>> & { readonly holds?: readonly Hold[] };
  const admission = (organisationId: string, { holds = [], ...given }: Asked = {}): Admission => {
    const requestId = newId('request');
    return { organisationId, requestId, rates: [], leases: [], holds, heldAmounts: holds.map(({ amount }) => amount), intent: `lost ${requestId}`, ...given };
  };
  const hold = (given: Partial<Hold> = {}): Hold => ({
    key: newId('limit'),
    previousKey: undefined,
    amount: 1,
    limit: 100,
    observe: false,
    expireAtMillis: Date.now() + 60_000,
    ...given,
  });
  const eventsOf = (owner: string) => eventsIn(redis.url, owner);
  const windowOf = (owner: string, key: string) => windowIn(redis.url, owner, key);
  const reaped = async (owner: string) => {
    await counters.reap();
    const events = await eventsOf(owner);
    return events.length > 0 ? events : undefined;
  };

  test('a call whose node was lost is closed by another: held counts as used, the lease ends, the intent is the record', async () => {
    const owner = newId('organisation');
    const holds = [hold({ amount: 0 }), hold({ amount: 7 })];
    const leases = [{ key: newId('policy'), max: 1, ttlMillis: 60_000 }];
    const lost = admission(owner, { holds, leases });
    await counters.admit(lost);
    expect(await eventually(() => reaped(owner), 'the reaper closing it')).toEqual([lost.intent]);
    expect(await windowOf(owner, holds[0]?.key ?? '')).toEqual({ used: 0, reserved: 0 });
    expect(await windowOf(owner, holds[1]?.key ?? '')).toEqual({ used: 7, reserved: 0 });
    expect(await counters.admit(admission(owner, { leases }))).toMatchObject({ kind: 'admitted' });
    counters.settle({ admission: lost, amounts: [0, 3], event: 'too late' });
    await counters.flushed();
    expect(await eventsOf(owner)).toEqual([lost.intent, 'too late']);
    expect(await windowOf(owner, holds[1]?.key ?? '')).toEqual({ used: 7, reserved: 0 });
  });

  test('a long call that is renewed is nobody’s to close', async () => {
    const owner = newId('organisation');
    const [long, lost] = [admission(owner), admission(owner)];
    await counters.admit(long);
    await counters.admit(lost);
    const renewal = setInterval(() => counters.renew(long), INTENT_LIFETIME_MILLIS / 10);
    expect(await eventually(() => reaped(owner), 'the reaper closing the other')).toEqual([lost.intent]);
    clearInterval(renewal);
    counters.settle({ admission: long, amounts: [], event: 'over' });
    await counters.flushed();
    expect(await eventsOf(owner)).toEqual([lost.intent, 'over']);
  });

  test('any number of nodes may close what was lost, and each call is closed once', async () => {
    const owner = newId('organisation');
    const window = hold({ amount: 2, limit: 1000 });
    const lost = Array.from({ length: 250 }, () => admission(owner, { holds: [window] }));
    await Promise.all(lost.map((one) => counters.admit(one)));
    const others = Array.from({ length: 3 }, () => connectRedisCounters({ url: redis.url, log, intentLifetimeMillis: INTENT_LIFETIME_MILLIS }));
    await eventually(() => (others.every(({ isAvailable }) => isAvailable) ? true : undefined), 'the others being there');
    await eventually(async () => {
      await Promise.all([counters, ...others].map((node) => node.reap()));
      return (await windowOf(owner, window.key))?.used === 500 ? true : undefined;
    }, 'all being closed');
    expect(new Set(await eventsOf(owner))).toEqual(new Set(lost.map(({ intent }) => intent)));
    await Promise.all(others.map((node) => node.close(0)));
  });

  test('requests of one turn of the event loop share a call, and so do their settlements', async () => {
    const owner = newId('organisation');
    const asked = Array.from({ length: 64 }, () => admission(owner));
    const before = await callsOf(redis.url);
    await Promise.all(asked.map((one) => counters.admit(one)));
    const between = await callsOf(redis.url);
    for (const one of asked) counters.settle({ admission: one, amounts: [], event: 'over' });
    await counters.flushed();
    const after = await callsOf(redis.url);
    expect([between - before, after - between]).toEqual([1, 1]);
    expect(await eventsOf(owner)).toHaveLength(64);
  });

  test('a window that was forgotten does not come back with a late settlement, and nothing is kept for ever but what is still to be read', async () => {
    const owner = newId('organisation');
    const short = hold({ expireAtMillis: Date.now() + 100 });
    const late = admission(owner, {
      holds: [short, hold({ expireAtMillis: Date.now() + 1000 })],
      leases: [{ key: newId('policy'), max: 1, ttlMillis: 1000 }],
      rates: [
        { key: newId('policy'), limit: 5, windowMillis: 1000, burst: undefined },
        { key: newId('policy'), limit: 5, windowMillis: 1000, burst: 2 },
      ],
    });
    await counters.admit(late);
    await eventually(async () => {
      await counters.sweep();
      return (await windowOf(owner, short.key)) === undefined ? true : undefined;
    }, 'the window being forgotten');
    counters.settle({ admission: late, amounts: [9, 1], event: 'over' });
    await counters.flushed();
    expect(await windowOf(owner, short.key)).toBeUndefined();
    await eventually(async () => {
      await counters.sweep();
      const lasting = await withRedis(redis.url, async (client) => {
        const keys = await client.keys(`{${owner}}:*`);
        const lifetimes = await Promise.all(keys.map((key) => client.pttl(key)));
        return keys.filter((_, index) => lifetimes[index] === -1);
      });
      return lasting.join() === `{${owner}}:usage` ? true : undefined;
    }, 'everything but the events being forgotten');
  });

  test('an amount that is no whole number is refused at the door, and holds up nobody', async () => {
    const owner = newId('organisation');
    const [wrong, right] = [admission(owner, { holds: [hold()] }), admission(owner)];
    await counters.admit(wrong);
    await counters.admit(right);
    for (const amount of [0.5, -1, Number.NaN, 2 ** 53])
      expect(() => counters.settle({ admission: wrong, amounts: [amount], event: 'wrong' })).toThrow('no amount');
    counters.settle({ admission: right, amounts: [], event: 'over' });
    await counters.flushed();
    expect(await eventsOf(owner)).toContain('over');
  });
});

/** How many scripts Redis has run. */
async function callsOf(url: string): Promise<number> {
  const info = await withRedis(url, (client) => client.info('commandstats'));
  return [...info.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].reduce((sum, match) => sum + Number(match[1]), 0);
}
