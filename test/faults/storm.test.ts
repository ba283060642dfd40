/** Whatever is killed, and however often: every call that was answered has its one record, every nano is explained, and nothing stays held. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startMcpUpstream } from '../support/mcp-upstream.ts';
import { hasPostgresServer, startCrashablePostgres } from '../support/postgres.ts';
import { hasRedis, startTestRedis } from '../support/redis.ts';
import { startStack } from '../support/stack.ts';
import { Storm, type StormParts } from './storm.ts';

const CALLS = Number(process.env['TURNPIKE_TEST_STORM'] ?? '20000');
const SEED = Number(process.env['TURNPIKE_TEST_STORM_SEED'] ?? String(Date.now() % 100_000));
const TIMEOUT_MILLIS = 600_000 + 20 * CALLS;
/** However many calls: enough for each to have been killed once. */
const VICTIMS = ['data plane', 'further data plane', 'control plane', 'further control plane', 'Redis', 'PostgreSQL'];

describe.runIf(hasRedis && hasPostgresServer)('a storm', () => {
  let parts: StormParts;

  beforeAll(async () => {
    const [database, redis, upstream] = await Promise.all([startCrashablePostgres(), startTestRedis({ appendfsync: 'no' }), startMcpUpstream()]);
    const stack = await startStack({ databaseUrl: database.url, redisUrl: redis.url });
    parts = { database, redis, upstream, stack };
  }, 120_000);
  afterAll(async () => {
    await parts?.stack.close();
    await Promise.all([parts?.upstream.close(), parts?.redis.stop(), parts?.database.stop()]);
  });

  test(
    `in which ${CALLS} calls are answered while data planes, control planes, Redis and PostgreSQL are killed: nothing is lost, doubled, unexplained or left`,
    async () => {
      const storm = new Storm(parts, SEED);
      await storm.rage(CALLS);
      process.stdout.write(`seed ${SEED}, killed ${JSON.stringify(storm.kills)}, answered ${JSON.stringify(storm.statuses)}\n`);
      expect(await storm.discrepancies(), `seed ${SEED}`).toEqual({
        lost: 0,
        unrecorded: 0,
        doubled: 0,
        setAside: 0,
        unexplainedNanos: '0',
        unsummedNanos: '0',
        left: 'nothing',
      });
      expect(Object.keys(storm.kills)).toEqual(expect.arrayContaining(VICTIMS));
    },
    TIMEOUT_MILLIS,
  );
});
