/** Measures what counting costs: CPU microseconds of node and of Redis per admitted and settled call, with 64 calls in flight. */
import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import { AllottedCounters } from '../../data-plane/counters/allotted-counters.ts';
import type { Admission, Counters } from '../../data-plane/counters/counters.ts';
import { MemoryCounters } from '../../data-plane/counters/memory-counters.ts';
import { connectRedisCounters } from '../../data-plane/counters/redis-counters.ts';
import { systemClock } from '../../shared/clock.ts';
import { newId } from '../../shared/ids.ts';
import { eventually } from '../support/processes.ts';
import { startTestRedis, withRedis } from '../support/redis.ts';
import { startWindowOpener } from '../support/window-opener.ts';

const IN_FLIGHT = 64;
const CALLS_PER_ROUND = 100_000;
const ROUNDS = 5;
const TICK_MICROS = 10_000;
const EVENT = JSON.stringify({ padding: 'x'.repeat(900) });

/** What a call of one key at one server asks for: `few` is a rate of the key alone, `all` is rates, a lease, and two budgets; `ahead` lets room for 100 calls be held at once. */
const PLANS = {
  few: { rates: 1, leases: 0, holds: 0, calls: 1 },
  all: { rates: 3, leases: 1, holds: 2, calls: 1 },
  budgets: { rates: 0, leases: 0, holds: 2, calls: 1 },
  ahead: { rates: 0, leases: 0, holds: 2, calls: 100 },
} as const;

const redis = await startTestRedis();
const pid = await withRedis(redis.url, async (client) => Number(/process_id:(\d+)/.exec(await client.info('server'))?.[1]));
const opener = startWindowOpener(redis.url);
const shared = new AllottedCounters(connectRedisCounters({ url: redis.url, log: pino({ level: 'silent' }) }), systemClock);
const local = new MemoryCounters({ clock: systemClock });
try {
  for (const [plan, sizes] of Object.entries(PLANS)) {
    process.stdout.write(`${plan}, Redis:  ${await measure(shared, sizes)}\n${plan}, memory: ${await measure(local, sizes)}\n`);
  }
} finally {
  await shared.close(1000);
  await local.close(0);
  await opener.close();
  await redis.stop();
}

/** The least disturbed of some rounds, after one to warm up. */
async function measure(counters: Counters, sizes: (typeof PLANS)[keyof typeof PLANS]): Promise<string> {
  const makeAdmission = admissionsOf(sizes);
  await round(counters, makeAdmission);
  const found: { node: number; redis: number; wall: number }[] = [];
  for (let index = 0; index < ROUNDS; index++) found.push(await round(counters, makeAdmission));
  const least = (name: keyof (typeof found)[number]) => Math.min(...found.map((figures) => figures[name])).toFixed(1);
  return `${least('node')} µs node, ${least('redis')} µs Redis, ${least('wall')} µs wall a call`;
}

async function round(counters: Counters, makeAdmission: () => Admission): Promise<{ node: number; redis: number; wall: number }> {
  await eventually(() => (counters.isAvailable ? true : undefined), 'Redis answering');
  const [nodeBefore, redisBefore, wallBefore] = [process.cpuUsage(), cpuMicrosOf(pid), performance.now()];
  let left = CALLS_PER_ROUND;
  const caller = async () => {
    while (left-- > 0) {
      const admission = makeAdmission();
      const { kind } = await counters.admit(admission);
      if (kind === 'refused') throw new Error('nothing may be refused here');
      counters.settle({ admission, amounts: admission.holds.map(() => 1), event: EVENT });
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, caller));
  await counters.flushed();
  const { user, system } = process.cpuUsage(nodeBefore);
  const figures = {
    node: (user + system) / CALLS_PER_ROUND,
    redis: (cpuMicrosOf(pid) - redisBefore) / CALLS_PER_ROUND,
    wall: ((performance.now() - wallBefore) * 1000) / CALLS_PER_ROUND,
  };
  // Nobody reads these events, and they would fill the memory.
  await withRedis(redis.url, async (client) => {
    for (const key of await client.keys('*:usage')) await client.unlink(key);
  });
  return figures;
}

function admissionsOf({ rates, leases, holds, calls }: (typeof PLANS)[keyof typeof PLANS]): () => Admission {
  const organisationId = newId('organisation');
  const plan = {
    rates: Array.from({ length: rates }, () => ({ key: newId('policy'), limit: 1e9, windowMillis: 60_000, burst: undefined })),
    leases: Array.from({ length: leases }, () => ({ key: newId('policy'), max: 1000, ttlMillis: 30_000 })),
  };
  const windows = Array.from({ length: holds }, () => ({
    key: newId('limit'),
    previousKey: undefined,
    limit: 2 ** 52,
    observe: false,
    expireAtMillis: Date.now() + 86_400_000,
  }));
  const ahead = calls === 1 ? undefined : { calls, intentFor: () => EVENT };
  return () => ({ organisationId, requestId: newId('request'), ...plan, holds: windows, heldAmounts: windows.map(() => 10), intent: EVENT, ahead });
}

/** User and system time of a process, from field 14 on of its stat line. */
function cpuMicrosOf(process: number): number {
  const stat = readFileSync(`/proc/${process}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MICROS;
}
