/** The counters' contract over memory and over a real Redis. */
import { pino } from 'pino';
import { describe } from 'vitest';
import { RedisUsageSource } from '../../control-plane/usage-intake/redis-usage-source.ts';
import { MemoryCounters } from '../../data-plane/counters/memory-counters.ts';
import { connectRedisCounters } from '../../data-plane/counters/redis-counters.ts';
import { UsageQueue } from '../../shared/usage-queue.ts';
import { eventually } from '../support/processes.ts';
import { anyTestRedis, hasRedis } from '../support/redis.ts';
import { startWindowOpener } from '../support/window-opener.ts';
import { describeCounters } from './counters.contract.ts';

describeCounters('counters in memory', () => {
  let now = Date.now();
  const clock = { now: () => now, elapsed: () => now };
  const queue = new UsageQueue();
  const counters = new MemoryCounters({ clock, queue });
  return Promise.resolve({
    counters,
    source: queue,
    now: clock.now,
    pass: (millis) => {
      now += millis;
      return Promise.resolve();
    },
    close: async () => void (await counters.close(0)),
  });
});

describe.runIf(hasRedis)('with a Redis', () => {
  describeCounters('counters in Redis', async () => {
    const redis = await anyTestRedis();
    const log = pino({ level: 'silent' });
    const counters = connectRedisCounters({ url: redis.url, log, reapMillis: 50 });
    const source = new RedisUsageSource(redis.url, log);
    const opener = startWindowOpener(redis.url);
    await eventually(() => (counters.isAvailable ? true : undefined), 'Redis answering');
    return {
      counters,
      source,
      now: () => Date.now(),
      // Redis is on the same machine, and the time of both is the machine's.
      pass: async (millis) => {
        const end = Date.now() + millis;
        await eventually(() => (Date.now() > end ? true : undefined), 'time going on');
      },
      close: async () => {
        await counters.close(1000);
        await source.close();
        await opener.close();
        await redis.stop();
      },
    };
  });
});
