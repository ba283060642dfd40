/** Who is slow: a Redis that does not answer is given up, and one that answers while this process is busy is heard. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isTimeout } from '../../../data-plane/counters/patient-redis.ts';
import { connectRedis } from '../../../data-plane/counters/redis-link.ts';
import { eventually } from '../../support/processes.ts';
import { hasRedis, startTestRedis, withRedis, type TestRedis } from '../../support/redis.ts';

describe.runIf(hasRedis)('a connection', () => {
  let server: TestRedis;
  let redis: ReturnType<typeof connectRedis>;

  beforeAll(async () => {
    server = await startTestRedis();
    redis = connectRedis(server.url);
    await new Promise((resolve) => redis.once('ready', resolve));
  });
  afterAll(async () => {
    redis?.disconnect();
    await server?.stop();
  });

  test('hears what came while the process was busy for longer than Redis may take', async () => {
    const answers = Array.from({ length: 20 }, (_, index) => redis.set('key', String(index)));
    const until = performance.now() + 600;
    while (performance.now() < until);
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['OK']));
  });

  test('gives a Redis up that does not answer', async () => {
    await withRedis(server.url, (other) => other.client('PAUSE', 1000));
    expect(isTimeout(await redis.get('key').catch((error: unknown) => error))).toBe(true);
    expect(await eventually(() => redis.get('key').catch(() => undefined), 'Redis answering again')).toBe('19');
  });
});
