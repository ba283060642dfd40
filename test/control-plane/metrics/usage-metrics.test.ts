/** What Prometheus reads of usage: what is stored, what waits and for how long, and what was set aside. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RedisUsageSource } from '../../../control-plane/usage-intake/redis-usage-source.ts';
import { writeUsageEvent } from '../../../shared/usage-event.ts';
import { recordingLog, startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { eventually } from '../../support/processes.ts';
import { hasRedis, startTestRedis, withRedis } from '../../support/redis.ts';
import { usageEvent } from '../../support/usage.ts';

let plane: TestControlPlane;

beforeAll(async () => {
  plane = await startTestControlPlane();
});
afterAll(() => plane?.close());

/** By name; whoever asks needs no token. */
async function metricsOf({ url }: Pick<TestControlPlane, 'url'>): Promise<Map<string, number>> {
  const response = await fetch(`${url}/metrics`);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(' ')), Number(line.slice(line.indexOf(' ')))]));
}

test('stored records and dead letters are counted, and nothing waits afterwards', async () => {
  for (const event of [usageEvent(), usageEvent({ latencyMicros: 0.5 }), usageEvent()]) plane.usageQueue.append(writeUsageEvent(event));
  await eventually(() => (plane.usageQueue.size === 0 ? true : undefined), 'every event being taken');
  expect(Object.fromEntries(await metricsOf(plane))).toMatchObject({
    turnpike_usage_stream_up: 1,
    turnpike_usage_queue_depth: 0,
    turnpike_usage_lag_seconds: 0,
    turnpike_usage_records_stored_total: 2,
    turnpike_usage_dead_letters: 1,
  });
});

test('while PostgreSQL takes nothing the lag is the age of the oldest event', async () => {
  await plane.database.query(`create function fail() returns trigger language plpgsql as $$ begin raise exception 'no' using errcode = '53100'; end $$`);
  await plane.database.query('create trigger fail before insert on usage_records for each row execute function fail()');
  plane.usageQueue.append(writeUsageEvent(usageEvent()));
  const before = await eventually(async () => {
    const metrics = await metricsOf(plane);
    return (metrics.get('turnpike_usage_lag_seconds') ?? 0) > 0 ? metrics : undefined;
  }, 'the event waiting');
  expect(before.get('turnpike_usage_queue_depth')).toBe(1);
  await eventually(async () => {
    const lag = (await metricsOf(plane)).get('turnpike_usage_lag_seconds') ?? 0;
    return lag > (before.get('turnpike_usage_lag_seconds') ?? 0) ? true : undefined;
  }, 'the lag growing');
  await plane.database.query('drop trigger fail on usage_records');
  await eventually(async () => ((await metricsOf(plane)).get('turnpike_usage_lag_seconds') === 0 ? true : undefined), 'the event being stored');
});

test.runIf(hasRedis)('of streams in Redis the oldest entry tells the lag, and without Redis nothing is told but that', async () => {
  const redis = await startTestRedis();
  const source = new RedisUsageSource(redis.url, recordingLog().log);
  try {
    const [older, newer] = [Date.now() - 60_000, Date.now() - 1000];
    await withRedis(redis.url, async (connection) => {
      await connection.sadd('turnpike:usage-streams', 'org_one', 'org_two');
      await connection.xadd('{org_one}:usage', `${newer}-0`, 'e', 'one');
      await connection.xadd('{org_two}:usage', `${older}-0`, 'e', 'two');
      await connection.xadd('{org_two}:usage', `${newer}-0`, 'e', 'three', 'e', 'four');
    });
    const backlog = await eventually(() => source.backlog().catch(() => undefined), 'the source being connected');
    expect(backlog).toEqual({ entries: 3, oldestMillis: older });
    await redis.halt();
    await expect(source.backlog()).rejects.toThrow();
  } finally {
    await source.close();
    await redis.stop();
  }
});
