/** Calls while every program is killed at random, and the books afterwards: `npx tsx test/faults/storm.ts [calls] [seed]`. */
import { z } from 'zod';
import { keysOf } from '../../data-plane/counters/redis-keys.ts';
import { GatewayClient } from '../support/gateway-client.ts';
import { newLimit, windowsOf } from '../support/limits.ts';
import { startMcpUpstream } from '../support/mcp-upstream.ts';
import { startCrashablePostgres } from '../support/postgres.ts';
import { eventually } from '../support/processes.ts';
import { startTestRedis, withRedis } from '../support/redis.ts';
import { startStack } from '../support/stack.ts';

const CALLERS = 16;
const PAUSE_MILLIS_MIN = 1000;
const PAUSE_MILLIS_MAX = 6000;
/** Intents of a node that was killed live for 30 seconds. */
const QUIET_MILLIS = 90_000;
const calls = Number(process.argv[2] ?? '20000');
let random = Number(process.argv[3] ?? String(Date.now() % 100_000));
process.stdout.write(`${calls} calls, seed ${random}\n`);

const [database, redis, upstream] = await Promise.all([startCrashablePostgres(), startTestRedis(), startMcpUpstream()]);
const stack = await startStack({ databaseUrl: database.url, redisUrl: redis.url });
try {
  process.exitCode = (await storm()) ? 0 : 1;
} finally {
  await stack.close();
  await Promise.all([upstream.close(), redis.stop(), database.stop()]);
}

async function storm(): Promise<boolean> {
  const { key, serverId } = await budgeted();
  const further = await stack.startFurtherData();
  await stack.settled();
  const gateways = [new GatewayClient(stack.gatewayUrl), new GatewayClient(further.url)];
  const ending = new AbortController();
  const killing = killAtRandom(ending.signal);
  const answered: string[] = [];
  const statuses = new Map<number, number>();
  let next = 0;
  const caller = async () => {
    while (next < calls) {
      const gateway = gateways[next++ % gateways.length];
      // A node that is killed answers nothing: what became of the call, the books must know.
      const answer = await gateway?.send('priced', { key }).catch(() => undefined);
      const status = answer?.status ?? 0;
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (status === 200) answered.push(answer?.headers.get('turnpike-request-id') ?? '');
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  ending.abort();
  process.stdout.write(`${JSON.stringify(Object.fromEntries(statuses))} by status, kills: ${JSON.stringify(await killing)}\n`);
  return booksInOrder(serverId, answered);
}

async function budgeted(): Promise<{ key: string; serverId: string }> {
  const pricing = { usdPerMillionCalls: '2.00', usdPerMillionInputBytes: '0.50', usdPerMillionOutputBytes: '1.00' };
  const policy = { policies: { ratelimit: { concurrency: { max: 1000 } } } };
  const server = await stack.admin.createServer({ name: 'priced', slug: 'priced', transport: 'STREAMABLE_HTTP', endpointUrl: upstream.url, pricing, policy });
  const apiKey = await stack.admin.createApiKey();
  await stack.admin.grant(apiKey.id, server.id);
  await newLimit(stack.admin, 'Budget', { limitUsd: '1000' });
  return { key: apiKey.secret, serverId: server.id };
}

/** Answers how often each program was killed. */
async function killAtRandom(signal: AbortSignal): Promise<Record<string, number>> {
  const kills: Record<string, number> = {};
  const victims: readonly (readonly [string, () => Promise<unknown>])[] = [
    [
      'data plane',
      () =>
        stack
          .data()
          .stop('SIGKILL')
          .then(() => stack.startData()),
    ],
    [
      'control plane',
      () =>
        stack
          .control()
          .stop('SIGKILL')
          .then(() => stack.startControl()),
    ],
    ['Redis', () => redis.crash()],
    ['PostgreSQL', () => database.crash()],
  ];
  while (!signal.aborted) {
    const [name, kill] = victims[Math.floor(draw() * victims.length)] ?? ['', () => Promise.resolve()];
    await kill();
    kills[name] = (kills[name] ?? 0) + 1;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLIS_MIN + draw() * (PAUSE_MILLIS_MAX - PAUSE_MILLIS_MIN)));
  }
  return kills;
}

async function booksInOrder(serverId: string, answered: readonly string[]): Promise<boolean> {
  const [server] = await database.query('select organisation_id from mcp_servers where id = $1', [serverId]);
  const owner = z.string().parse(server?.['organisation_id']);
  const { open, intents, counts } = keysOf(owner);
  const quiet = await eventually(
    () =>
      withRedis(redis.url, async (client) => {
        const [left, waiting, states, entries] = await Promise.all([
          client.hlen(open),
          client.hlen(intents),
          client.hgetallBuffer(counts),
          client.xlen(keysOf(owner).usage),
        ]);
        const leases = Object.values(states).filter((state) => state.readBigInt64LE(0) === 0n && state.readBigInt64LE(8) !== 0n).length;
        return left + waiting + leases + entries === 0 ? true : undefined;
      }),
    'nothing being open, held or told any more',
    QUIET_MILLIS,
  ).catch((error: unknown) => error);
  const [books] = await database.query(
    `select count(*)::int as records, count(distinct request_id)::int as requests, coalesce(sum(cost_nanos_usd), 0)::text as cost,
       (select count(*)::int from unnest($1::text[]) as answered (id) where not exists (select from usage_records r where r.request_id = answered.id)) as lost,
       (select count(*)::int from usage_dead_letters) as unstored from usage_records`,
    [answered],
  );
  const [window] = await windowsOf(stack.admin, 'budgets');
  const { records, requests, cost, lost, unstored } = z
    .object({ records: z.number(), requests: z.number(), cost: z.string(), lost: z.number(), unstored: z.number() })
    .parse(books);
  const unexplained = BigInt(window?.used ?? '-1') - BigInt(cost);
  const unrecorded = Math.max(0, upstream.calls() - records);
  const isQuiet = quiet === true && window?.reserved === '0';
  process.stdout.write(
    `${records} records, ${upstream.calls()} calls upstream; lost ${lost} of ${answered.length} answered, unrecorded ${unrecorded}, doubled ${records - requests}, ` +
      `set aside ${unstored}, unexplained nanos ${unexplained}, ${isQuiet ? 'nothing held' : `still held: ${window?.reserved}, ${String(quiet)}`}\n`,
  );
  return isQuiet && lost + unrecorded + unstored + (records - requests) === 0 && unexplained === 0n;
}

/** So that a seed tells the same story again: mulberry32. */
function draw(): number {
  random = (random + 0x6d2b79f5) | 0;
  let mixed = Math.imul(random ^ (random >>> 15), 1 | random);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
}
