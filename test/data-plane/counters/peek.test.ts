/** A look at Redis leaves every count as it was, and waits for nothing that is away. */
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CountersRebuilding, CountersUnavailable, type Admission } from '../../../data-plane/counters/counters.ts';
import { connectRedisCounters, type RedisCounters } from '../../../data-plane/counters/redis-counters.ts';
import { newId } from '../../../shared/ids.ts';
import { eventually } from '../../support/processes.ts';
import { hasRedis, startTestRedis, type TestRedis } from '../../support/redis.ts';
import { hashesIn } from '../../support/redis-counts.ts';
import { startWindowOpener, type WindowOpener } from '../../support/window-opener.ts';

describe.runIf(hasRedis)('a look', () => {
  let redis: TestRedis;
  let opener: WindowOpener;
  let counters: RedisCounters;
  const owner = newId('organisation');
  const checks = {
    rates: [
      { key: newId('policy'), limit: 2, windowMillis: 86_400_000, burst: undefined },
      { key: newId('policy'), limit: 5, windowMillis: 86_400_000, burst: 5 },
    ],
    leases: [{ key: newId('policy'), max: 3, ttlMillis: 60_000 }],
    holds: [{ key: newId('limit'), previousKey: newId('limit'), limit: 10, observe: false, expireAtMillis: Date.now() + 86_400_000 }],
  };
  const admission = (amount: number, organisationId = owner): Admission => ({
    organisationId,
    requestId: newId('request'),
    ...checks,
    heldAmounts: [amount],
    intent: 'intent',
  });

  beforeAll(async () => {
    redis = await startTestRedis();
    opener = startWindowOpener(redis.url);
    counters = connectRedisCounters({ url: redis.url, log: pino({ level: 'silent' }) });
    await eventually(() => (counters.isAvailable ? true : undefined), 'Redis answering');
    await counters.admit(admission(4));
  });
  afterAll(async () => {
    await counters?.close(0);
    await opener?.close();
    await redis?.stop();
  });

  test('changes nothing that is counted or under way, whatever it is answered', async () => {
    const before = await hashesIn(redis.url);
    expect((await counters.peek(admission(1))).answer).toMatchObject({ kind: 'admitted' });
    expect((await counters.peek(admission(17))).answer).toMatchObject({ kind: 'refused', check: 'hold' });
    await Promise.all(Array.from({ length: 200 }, () => counters.peek(admission(1))));
    expect(await hashesIn(redis.url)).toEqual(before);
  });

  test('at windows that do not count yet waits until they do, as an admission does, and no longer', async () => {
    expect((await counters.peek(admission(1, newId('organisation')))).answer).toMatchObject({ kind: 'admitted' });
    await opener.close();
    await expect(counters.peek(admission(1, newId('organisation')))).rejects.toBeInstanceOf(CountersRebuilding);
  });

  test('at a Redis that is away is unavailable', async () => {
    await redis.halt();
    await expect(counters.peek(admission(1))).rejects.toBeInstanceOf(CountersUnavailable);
  });
});
