/** Windows are counted again once for each loss, and whatever comes late to it is not missing in them. */
import 'reflect-metadata';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LostWindows } from '../../../control-plane/money/lost-windows.ts';
import { WindowRecovery } from '../../../control-plane/money/window-recovery.ts';
import { RedisUsageSource } from '../../../control-plane/usage-intake/redis-usage-source.ts';
import { UsageIntake } from '../../../control-plane/usage-intake/usage-intake.ts';
import type { Admission, OpenRequest } from '../../../data-plane/counters/counters.ts';
import { keysOf } from '../../../data-plane/counters/redis-keys.ts';
import { connectRedisCounters, type RedisCounters } from '../../../data-plane/counters/redis-counters.ts';
import { newId } from '../../../shared/ids.ts';
import { limitSchema, type Limit } from '../../../shared/limit.ts';
import { windowAt } from '../../../shared/schedule-window.ts';
import { writeUsageEvent, type UsageDelivery } from '../../../shared/usage-event.ts';
import { windowKeysOf, type WindowCounts } from '../../../shared/window-counts.ts';
import { eventually } from '../../support/processes.ts';
import { hasRedis, startTestRedis, withRedis, type TestRedis } from '../../support/redis.ts';
import { windowIn } from '../../support/redis-counts.ts';
import { startUsageDatabase, usageEvent, type UsageDatabase } from '../../support/usage.ts';

const LATER = 4_102_444_800_000;
const QUARTERLY = {
  name: 'all',
  ownerType: 'ORGANISATION',
  mcpServerId: null,
  tool: null,
  metric: 'NANO_USD',
  amount: '1000',
  period: 'QUARTERLY',
  timezone: 'UTC',
  startAtMillis: 0,
  endAtMillis: null,
  mode: 'ENFORCE',
};
const log = pino({ level: 'silent' });

/** Keeps what it has read to itself until it is let go. */
class HeldSource extends RedisUsageSource {
  isHeld = false;
  hasRead = false;
  #letGo: (() => void) | undefined;

  override async read(max: number, waitMillis: number): Promise<readonly UsageDelivery[]> {
    const deliveries = await super.read(max, waitMillis);
    if (!this.isHeld || deliveries.length === 0) return deliveries;
    this.hasRead = true;
    await new Promise<void>((resolve) => (this.#letGo = resolve));
    return deliveries;
  }

  letGo(): void {
    this.isHeld = false;
    this.#letGo?.();
  }
}

describe.runIf(hasRedis)('windows that Redis lost', () => {
  let redis: TestRedis;
  let usage: UsageDatabase;
  let owner: string;
  let limit: Limit;
  let key: string;
  let underWay: OpenRequest[];
  let counters: RedisCounters;
  let lost: LostWindows;
  let source: HeldSource;
  let intake: UsageIntake;
  let recovery: WindowRecovery;

  beforeAll(async () => {
    [redis, usage] = await Promise.all([startTestRedis(), startUsageDatabase()]);
  });
  afterAll(() => Promise.all([redis?.stop(), usage?.close()]));
  beforeEach(async () => {
    owner = newId('organisation');
    limit = limitSchema.parse({ ...QUARTERLY, id: newId('limit'), organisationId: owner, ownerId: owner });
    const window = windowAt(limit, Date.now());
    key = window === undefined ? '' : windowKeysOf(limit, window).key;
    underWay = [];
    await withRedis(redis.url, (client) => client.flushall());
    counters = connectRedisCounters({ url: redis.url, log, openRequests: () => underWay });
    lost = new LostWindows(redis.url, log);
    source = new HeldSource(redis.url, log);
    intake = new UsageIntake(source, usage.orm.em, log, lost);
    recovery = new WindowRecovery({ lost, em: usage.orm.em, limits: () => Promise.resolve([limit]), log });
    await eventually(() => (counters.isAvailable ? true : undefined), 'Redis answering');
  });
  afterEach(async () => {
    source?.letGo();
    await recovery?.close();
    await intake?.close();
    await lost?.close();
    await counters?.close(0);
  });

  const admission = (): Admission => {
    const requestId = newId('request');
    const hold = { key, previousKey: undefined, limit: 1000, observe: false, expireAtMillis: LATER };
    const intent = writeUsageEvent(usageEvent({ requestId, organisationId: owner, costNanosUsd: '10' }));
    return { organisationId: owner, requestId, rates: [], leases: [], holds: [hold], heldAmounts: [10], intent };
  };
  /** A call that costs so much. */
  const settle = (asked: Admission, cost: number) =>
    counters.settle({
      admission: asked,
      amounts: [cost],
      event: writeUsageEvent(usageEvent({ requestId: asked.requestId, organisationId: owner, costNanosUsd: String(cost) })),
    });
  const call = async (cost: number): Promise<Admission> => {
    const asked = admission();
    expect(await counters.admit(asked)).toMatchObject({ kind: 'admitted' });
    settle(asked, cost);
    await counters.flushed();
    return asked;
  };
  const isStored = ({ requestId }: Admission) =>
    eventually(
      async () => ((await usage.database.query('select from usage_records where request_id = $1', [requestId])).length === 1 ? true : undefined),
      'its record',
    );
  const shows = (expected: WindowCounts) =>
    eventually(async () => {
      const { used, reserved } = (await windowIn(redis.url, owner, key)) ?? {};
      return used === expected.used && reserved === expected.reserved ? true : undefined;
    }, `used ${expected.used}, reserved ${expected.reserved}`);
  const heldHere = (asked: Admission): OpenRequest => ({ admission: asked, held: { heldAmounts: asked.heldAmounts, intent: asked.intent ?? '' } });

  test('and that have been counted are not counted again for whoever asked too late to see it', async () => {
    await call(1);
    await call(2);
    await withRedis(redis.url, async (client) => {
      // What is used without a record yet would be forgotten.
      await client.hset(keysOf(owner).counts, key, packed(500));
      await client.sadd('turnpike:rebuilds', owner);
    });
    await eventually(async () => ((await lost.owners()).length === 0 ? true : undefined), 'the request to count being heard');
    await call(4);
    await shows({ used: 504, reserved: 0 });
  });

  test('have what was read before they were lost, and stored after they were counted', async () => {
    await isStored(await call(1));
    source.isHeld = true;
    await call(20);
    await eventually(() => (source.hasRead ? true : undefined), 'the second event being read');
    await withRedis(redis.url, (client) => client.flushall());
    await call(300);
    await shows({ used: 301, reserved: 0 });
    source.letGo();
    await shows({ used: 321, reserved: 0 });
  });

  test('hold what a node tells only after they were counted, and count it once', async () => {
    const asked = admission();
    await counters.admit(asked);
    await withRedis(redis.url, (client) => client.flushall());
    await call(1);
    await shows({ used: 1, reserved: 0 });
    const late = connectRedisCounters({ url: redis.url, log, openRequests: () => [heldHere(asked)] });
    try {
      await eventually(() => late.admit(admission()), 'the late node being heard');
      await shows({ used: 1, reserved: 20 });
      late.settle({
        admission: asked,
        amounts: [7],
        event: writeUsageEvent(usageEvent({ requestId: asked.requestId, organisationId: owner, costNanosUsd: '7' })),
      });
      await late.flushed();
      await shows({ used: 8, reserved: 10 });
    } finally {
      await late.close(0);
    }
  });

  test('do not hold what has a record already, whenever a node tells it', async () => {
    const asked = await call(5);
    await isStored(asked);
    underWay = [heldHere(asked)];
    await withRedis(redis.url, (client) => client.flushall());
    await call(1);
    await shows({ used: 6, reserved: 0 });
  });
});

/** A window of which so much is used, as the scripts pack it. */
function packed(used: number): Buffer {
  const state = Buffer.alloc(24);
  state.writeBigInt64LE(BigInt(LATER), 0);
  state.writeBigInt64LE(BigInt(used), 8);
  return state;
}
