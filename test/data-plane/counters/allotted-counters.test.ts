/** Calls that share room which was taken for several of them: few of them ask, none goes past a limit, and whatever is left over comes back. */
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AllottedCounters } from '../../../data-plane/counters/allotted-counters.ts';
import type { Admission, HoldCheck } from '../../../data-plane/counters/counters.ts';
import { connectRedisCounters, type RedisCounters } from '../../../data-plane/counters/redis-counters.ts';
import { keysOf } from '../../../data-plane/counters/redis-keys.ts';
import { newId } from '../../../shared/ids.ts';
import { eventually } from '../../support/processes.ts';
import { hasRedis, startTestRedis, withRedis, type TestRedis } from '../../support/redis.ts';
import { eventsIn, windowIn } from '../../support/redis-counts.ts';
import { startWindowOpener, type WindowOpener } from '../../support/window-opener.ts';

const INTENT_LIFETIME_MILLIS = 3000;
const AHEAD = 10;

describe.runIf(hasRedis)('room for several calls', () => {
  let redis: TestRedis;
  let opener: WindowOpener;
  let store: RedisCounters;
  let counters: AllottedCounters;
  let owner: string;
  /** Stands still unless a test lets it go on, so that calls are close together however slow the machine is. */
  let now = 0;

  beforeAll(async () => {
    redis = await startTestRedis();
    opener = startWindowOpener(redis.url);
    const options = { url: redis.url, log: pino({ level: 'silent' }), intentLifetimeMillis: INTENT_LIFETIME_MILLIS, reapMillis: 100 };
    store = connectRedisCounters({ ...options, openRequests: () => counters.openRequests([]) });
    counters = new AllottedCounters(store, { now: () => Date.now(), elapsed: () => now });
    await eventually(() => (counters.isAvailable ? true : undefined), 'Redis answering');
    owner = newId('organisation');
    await counters.admit(callsOf({})());
  });
  afterAll(async () => {
    await counters?.close(0);
    await opener?.close();
    await redis?.stop();
  });

  interface Asked {
    readonly key?: string;
    readonly limit?: number;
    readonly amount?: number;
    readonly ahead?: number;
  }

  /** Makes calls of one key and server: their holds are the same list. */
  function callsOf({ key = newId('limit'), limit = 1000, amount = 1, ahead = AHEAD }: Asked): () => Admission {
    const holds: HoldCheck[] = [{ key, previousKey: undefined, limit, observe: false, expireAtMillis: Date.now() + 600_000 }];
    return () => {
      const requestId = newId('request');
      const lost = (amounts: readonly number[]) => `lost ${requestId} ${amounts.join(' ')}`;
      const heldAmounts = [amount];
      const terms = { calls: ahead, intentFor: lost };
      return { organisationId: owner, requestId, rates: [], leases: [], holds, heldAmounts, intent: lost(heldAmounts), ahead: terms };
    };
  }
  const asked = async (call: Admission) => (await counters.admit(call)).kind;
  const settle = (admission: Admission, used: number) => counters.settle({ admission, amounts: [used], event: `settled ${admission.requestId} ${used}` });
  const openIn = () => withRedis(redis.url, (client) => client.hkeys(keysOf(owner).open));
  const windowOf = (key: string) => windowIn(redis.url, owner, key);
  const settled = async (key: string) =>
    eventually(async () => ((await windowOf(key))?.reserved === 0 ? windowOf(key) : undefined), 'every call being settled');
  const eventsOf = async (calls: readonly Admission[]) => {
    const ids = new Set(calls.map(({ requestId }) => requestId));
    return (await eventsIn(redis.url, owner)).filter((event) => ids.has(event.split(' ')[1] ?? ''));
  };

  /** The first asks for itself, the second for many. */
  async function begun(given: Asked): Promise<{ key: string; next: () => Admission; calls: [Admission, Admission] }> {
    const key = given.key ?? newId('limit');
    const next = callsOf({ ...given, key });
    const calls: [Admission, Admission] = [next(), next()];
    for (const call of calls) expect(await asked(call)).toBe('admitted');
    return { key, next, calls };
  }

  test('is held by one admission, and given back by one settlement that tells the records of all', async () => {
    const { key, next, calls: first } = await begun({});
    const calls = [...first, ...Array.from({ length: AHEAD - 1 }, next)];
    for (const call of calls.slice(2)) expect(await asked(call)).toBe('admitted');
    expect((await openIn()).filter((id) => calls.some(({ requestId }) => requestId === id))).toEqual(first.map(({ requestId }) => requestId));
    expect(await windowOf(key)).toEqual({ used: 0, reserved: 1 + AHEAD });
    for (const call of calls) settle(call, 1);
    await counters.flushed();
    expect(await windowOf(key)).toEqual({ used: calls.length, reserved: 0 });
    expect(new Set(await eventsOf(calls))).toEqual(new Set(calls.map(({ requestId }) => `settled ${requestId} 1`)));
    expect(counters.backlog).toBe(0);
  });

  test('is asked for once by calls that come at the same moment, and by those that come again', async () => {
    const { key, next, calls } = await begun({});
    for (const call of calls) settle(call, 1);
    await counters.flushed();
    const further = Array.from({ length: AHEAD }, next);
    const answers = await Promise.all([...further, ...further].map(asked));
    expect(new Set(answers)).toEqual(new Set(['admitted']));
    expect(await windowOf(key)).toEqual({ used: 2, reserved: AHEAD });
    for (const call of further) settle(call, 1);
    expect(await settled(key)).toEqual({ used: 2 + AHEAD, reserved: 0 });
  });

  test('that nobody asks for any more comes back by itself', async () => {
    const { key, calls } = await begun({});
    for (const call of calls) settle(call, 1);
    now += 1000;
    expect(await settled(key)).toEqual({ used: 2, reserved: 0 });
  });

  test('is taken for fewer calls near the limit, and every call that fits is admitted', async () => {
    const key = newId('limit');
    const next = callsOf({ key, limit: 25 });
    const answers: string[] = [];
    for (let call = 0; call < 40; call++) {
      const admission = next();
      answers.push(await asked(admission));
      if (answers.at(-1) === 'admitted') settle(admission, 1);
      const { used, reserved } = (await windowOf(key)) ?? { used: 0, reserved: 0 };
      expect(used + reserved).toBeLessThanOrEqual(25);
    }
    expect(answers).toEqual([...Array.from({ length: 25 }, () => 'admitted'), ...Array.from({ length: 15 }, () => 'refused')]);
    expect(await settled(key)).toEqual({ used: 25, reserved: 0 });
  });

  test('that other calls of the node have left over is there for whoever finds a limit full', async () => {
    const { key, calls } = await begun({ limit: 12 });
    for (const call of calls) settle(call, 1);
    const other = callsOf({ key, limit: 12, amount: 10 })();
    expect(await asked(other)).toBe('admitted');
    settle(other, 10);
    expect(await settled(key)).toEqual({ used: 12, reserved: 0 });
  });

  test('pays for longer answers, is extended for still longer ones, and never past the limit', async () => {
    const { key, next, calls } = await begun({ limit: 40 });
    const [, leader] = calls;
    const longer = (admission: Admission, amount: number) => counters.extend(admission, { heldAmounts: [amount], intent: 'longer' });
    expect(await longer(leader, 6)).toMatchObject({ kind: 'admitted' });
    expect(await windowOf(key)).toEqual({ used: 0, reserved: 11 });
    expect(await longer(leader, 30)).toMatchObject({ kind: 'admitted' });
    expect(await windowOf(key)).toEqual({ used: 0, reserved: 31 });
    expect(await longer(leader, 40)).toEqual({ kind: 'refused', check: 'hold', index: 0, used: 0, reserved: 31, carriedOver: 0, retryAfterMillis: 0 });
    const both = await Promise.all([longer(leader, 34), longer(leader, 34)]);
    expect(both.map(({ kind }) => kind)).toContain('admitted');
    const further = next();
    expect(await asked(further)).toBe('admitted');
    for (const call of [...calls, further]) settle(call, call === leader ? 34 : 1);
    await counters.flushed();
    expect(await windowOf(key)).toEqual({ used: 36, reserved: 0 });
  });

  test('is counted as left where an answer finds the limit full, so that it is not ended early', async () => {
    const { key, calls } = await begun({ limit: 14 });
    const [, leader] = calls;
    const longer = (amount: number) => counters.extend(leader, { heldAmounts: [amount], intent: 'longer' });
    expect(await longer(20)).toMatchObject({ kind: 'refused', used: 0, reserved: 2 });
    expect(await longer(14)).toMatchObject({ kind: 'refused' });
    expect(await longer(13)).toMatchObject({ kind: 'admitted' });
    expect(await windowOf(key)).toEqual({ used: 0, reserved: 14 });
    for (const call of calls) settle(call, 1);
    await counters.flushed();
    expect(await windowOf(key)).toEqual({ used: 2, reserved: 0 });
  });

  test('whose node was lost is used up, with one record for all of its calls, and nothing is told of them later', async () => {
    const { key, next, calls } = await begun({});
    const [alone, leader] = calls;
    const further = next();
    await asked(further);
    settle(alone, 1);
    settle(further, 1);
    await eventually(async () => ((await openIn()).includes(leader.requestId) ? undefined : true), 'the reaper closing it');
    settle(leader, 1);
    await counters.flushed();
    expect(await windowOf(key)).toEqual({ used: 1 + AHEAD, reserved: 0 });
    expect(new Set(await eventsOf([...calls, further]))).toEqual(new Set([`settled ${alone.requestId} 1`, `lost ${leader.requestId} ${AHEAD}`]));
  });

  test('that is told twice counts once, whichever call of it is', async () => {
    const { key, next, calls } = await begun({});
    const [, leader] = calls;
    const further = next();
    await asked(further);
    for (const call of [leader, leader, further, further, ...calls]) settle(call, 1);
    await counters.flushed();
    expect(await windowOf(key)).toEqual({ used: 3, reserved: 0 });
  });

  test('is not asked for together with rates or leases, nor by calls that are far apart', async () => {
    const key = newId('limit');
    const next = callsOf({ key });
    const rates = [{ key: newId('policy'), limit: 100, windowMillis: 60_000, burst: undefined }];
    for (let call = 0; call < 3; call++) await counters.admit({ ...next(), rates });
    now += 60;
    for (let call = 0; call < 3; call++, now += 60) await counters.admit(next());
    expect(await windowOf(key)).toEqual({ used: 0, reserved: 6 });
  });

  test('that a slow call keeps is not taken again soon: its calls then ask for themselves', async () => {
    const { key, next, calls } = await begun({});
    const [alone, slow] = calls;
    settle(alone, 1);
    now += 2001;
    await eventually(async () => {
      const call = next();
      await asked(call);
      settle(call, 1);
      return (await windowOf(key))?.reserved === AHEAD ? true : undefined;
    }, 'calls asking for themselves');
    settle(slow, 1);
    expect(await settled(key)).toMatchObject({ reserved: 0 });
  });

  test('that Redis forgot is told again, and no call is admitted from it any more', async () => {
    const { next, calls } = await begun({});
    const [, leader] = calls;
    await withRedis(redis.url, (client) => client.flushall());
    await eventually(async () => ((await openIn()).includes(leader.requestId) ? true : undefined), 'the node telling it again');
    const after = next();
    expect(await asked(after)).toBe('admitted');
    expect(await openIn()).toContain(after.requestId);
    for (const call of [...calls, after]) settle(call, 1);
    await counters.flushed();
  });
});
