/** The control plane shows what data planes have counted in Redis, as it stands there, and says so when it cannot. */
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RedisWindowCounts } from '../../../control-plane/money/redis-window-counts.ts';
import type { Admission } from '../../../data-plane/counters/counters.ts';
import { connectRedisCounters, type RedisCounters } from '../../../data-plane/counters/redis-counters.ts';
import { keysOf } from '../../../data-plane/counters/redis-keys.ts';
import { newId } from '../../../shared/ids.ts';
import { writeUsageEvent } from '../../../shared/usage-event.ts';
import { WindowCountsUnavailable } from '../../../shared/window-counts.ts';
import { eventually } from '../../support/processes.ts';
import { hasRedis, startTestRedis, withRedis, type TestRedis } from '../../support/redis.ts';
import { usageEvent } from '../../support/usage.ts';
import { startWindowOpener, type WindowOpener } from '../../support/window-opener.ts';

const LATER = 4_102_444_800_000;
const log = pino({ level: 'silent' });

describe.runIf(hasRedis)('counts in Redis', () => {
  let redis: TestRedis;
  let counters: RedisCounters;
  let source: RedisWindowCounts;
  let opener: WindowOpener;
  const organisationId = newId('organisation');

  beforeAll(async () => {
    redis = await startTestRedis();
    opener = startWindowOpener(redis.url);
    counters = connectRedisCounters({ url: redis.url, log });
    source = new RedisWindowCounts(redis.url, log);
    await eventually(() => (counters.isAvailable ? true : undefined), 'Redis answering');
    await answering();
  });
  afterAll(async () => {
    await source?.close();
    await counters?.close(0);
    await opener?.close();
    await redis?.stop();
  });

  function answering(): Promise<true> {
    return eventually(
      () =>
        source.read(organisationId, ['none']).then(
          (): true => true,
          () => undefined,
        ),
      'the counts being readable',
    );
  }

  async function admit(key: string, amount: number, given: Partial<Admission> = {}) {
    const hold = { key, previousKey: undefined, limit: Number.MAX_SAFE_INTEGER, observe: false, expireAtMillis: LATER };
    const admission = { organisationId, requestId: newId('request'), rates: [], leases: [], holds: [hold], heldAmounts: [amount], intent: '', ...given };
    expect(await counters.admit(admission)).toMatchObject({ kind: 'admitted' });
    return admission;
  }

  test('are those of the organisation, in the order in which they were asked for', async () => {
    const [held, settled] = [newId('limit'), newId('limit')];
    await admit(held, 5);
    counters.settle({ admission: await admit(settled, Number.MAX_SAFE_INTEGER), amounts: [Number.MAX_SAFE_INTEGER - 1], event: '' });
    await counters.flushed();
    expect(await source.read(organisationId, [settled, 'none', held])).toEqual([
      { used: Number.MAX_SAFE_INTEGER - 1, reserved: 0 },
      { used: 0, reserved: 0 },
      { used: 0, reserved: 5 },
    ]);
    expect(await source.read(newId('organisation'), [held])).toEqual([{ used: 0, reserved: 0 }]);
    expect(await source.read(organisationId, [])).toEqual([]);
  });

  test('are looked at together with what calls hold and which events wait, all at one moment', async () => {
    const [organisation, key] = [newId('organisation'), newId('limit')];
    const look = () => source.look(organisation, [key, 'none']);
    expect(await look()).toBeUndefined();
    const lease = { key: 'lease', max: 5, ttlMillis: 60_000 };
    const first = await admit(key, 5, { organisationId: organisation, leases: [lease] });
    await admit(key, 7, { organisationId: organisation });
    await counters.extend(first, { heldAmounts: [50], intent: 'longer' });
    const settled = await admit(key, 1, { organisationId: organisation });
    const told = usageEvent({ requestId: settled.requestId });
    counters.settle({ admission: settled, amounts: [3], event: writeUsageEvent(told) });
    counters.record(organisation, 'no event');
    await counters.flushed();
    const windows = [
      { used: 3, reserved: 57 },
      { used: 0, reserved: 0 },
    ];
    expect(await look()).toEqual({ epoch: expect.any(String), windows, underWay: new Map([[key, 57]]), waiting: [settled.requestId] });
    for (let entries = 0; entries < 200; entries++) await withRedis(redis.url, (client) => client.xadd(keysOf(organisation).usage, '*', 'e', ''));
    expect(await look()).toBeUndefined();
  });

  test('are none while Redis is away, and there again when it is back', async () => {
    const key = newId('limit');
    await admit(key, 3);
    await redis.halt();
    await expect(source.read(organisationId, [key])).rejects.toThrow(WindowCountsUnavailable);
    await redis.resume();
    await answering();
    expect(await source.read(organisationId, [key])).toEqual([{ used: 0, reserved: 3 }]);
  });
});
