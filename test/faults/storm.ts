/** A storm: calls through two data planes of two control planes while every program is killed at random, and what the books say afterwards. */
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { keysOf } from '../../data-plane/counters/redis-keys.ts';
import { GatewayClient } from '../support/gateway-client.ts';
import { newLimit, windowsOf } from '../support/limits.ts';
import type { McpUpstream } from '../support/mcp-upstream.ts';
import type { CrashableDatabase } from '../support/postgres.ts';
import { eventually } from '../support/processes.ts';
import { withRedis, type TestRedis } from '../support/redis.ts';
import type { Stack } from '../support/stack.ts';

export interface StormParts {
  readonly stack: Stack;
  readonly redis: TestRedis;
  readonly database: CrashableDatabase;
  readonly upstream: McpUpstream;
}

/** What must be 0, whatever was killed. */
export interface Discrepancies {
  /** Calls that were answered and have no record. */
  readonly lost: number;
  /** Calls that reached the server beyond those that have a record. */
  readonly unrecorded: number;
  readonly doubled: number;
  readonly setAside: number;
  /** Between what the window says, and the sums of days, and what the records do. */
  readonly unexplainedNanos: string;
  readonly unsummedNanos: string;
  /** Holds, leases and events that are left. */
  readonly left: string;
}

const CALLERS = 16;
/** Of a caller who was refused, or whose node was killed. */
const RETRY_MILLIS = 50;
const CALLS_PER_KILL_MIN = 300;
const CALLS_PER_KILL_MAX = 2500;
/** In which so many calls must be answered, whatever was killed before. */
const PATIENCE_MILLIS = 300_000;
/** How often two programs are killed at once. */
const TWO_AT_ONCE = 0.25;
/** Intents of a node that was killed live for 30 seconds, and reapers look every five. */
const QUIET_MILLIS = 40_000;

export class Storm {
  readonly #parts: StormParts;
  readonly #draw: () => number;
  readonly #answered: string[] = [];
  readonly kills: Record<string, number> = {};
  readonly statuses: Record<string, number> = {};
  #gateways: readonly GatewayClient[] = [];
  #further: Awaited<ReturnType<Stack['startFurtherData']>> | undefined;
  #furtherControl: Awaited<ReturnType<Stack['startFurtherControl']>> | undefined;

  constructor(parts: StormParts, seed: number) {
    this.#parts = parts;
    this.#draw = seeded(seed);
  }

  /** Goes on until so many calls have been answered. */
  async rage(calls: number): Promise<void> {
    const { stack } = this.#parts;
    const key = await this.#budgeted();
    await this.#startFurther();
    await this.#startFurtherControl();
    await stack.settled();
    const ending = new AbortController();
    let next = 0;
    const caller = async () => {
      while (this.#answered.length < calls && !ending.signal.aborted) {
        const status = await this.#call(key, next++);
        this.statuses[status] = (this.statuses[status] ?? 0) + 1;
        if (status !== 200) await wait(RETRY_MILLIS);
      }
    };
    const calling = Promise.all(Array.from({ length: CALLERS }, caller));
    await Promise.all([calling, this.#killUntil(ending.signal)].map((work) => work.finally(() => ending.abort())));
  }

  /** Once everything has had the time to come to rest. */
  async discrepancies(): Promise<Discrepancies> {
    const { stack, database, upstream } = this.#parts;
    const left = await this.#rest();
    const [books] = await database.query(
      `select count(*)::int as records, count(distinct request_id)::int as requests, coalesce(sum(cost_nanos_usd), 0)::text as cost,
         (select coalesce(sum(cost_nanos_usd), 0)::text from usage_days) as summed, (select count(*)::int from usage_dead_letters) as unstored,
         (select count(*)::int from unnest($1::text[]) as answered (id) where not exists (select from usage_records r where r.request_id = answered.id)) as lost
       from usage_records`,
      [this.#answered],
    );
    const { records, requests, cost, summed, unstored, lost } = z
      .object({ records: z.number(), requests: z.number(), cost: z.string(), summed: z.string(), unstored: z.number(), lost: z.number() })
      .parse(books);
    const [window] = await windowsOf(stack.admin, 'budgets');
    return {
      lost,
      unrecorded: Math.max(0, upstream.calls() - records),
      doubled: records - requests,
      setAside: unstored,
      unexplainedNanos: String(BigInt(window?.used ?? '-1') - BigInt(cost)),
      unsummedNanos: String(BigInt(summed) - BigInt(cost)),
      left,
    };
  }

  async #budgeted(): Promise<string> {
    const { stack, upstream } = this.#parts;
    const pricing = { usdPerMillionCalls: '2.00', usdPerMillionInputBytes: '0.50', usdPerMillionOutputBytes: '1.00' };
    const policy = { policies: { ratelimit: { concurrency: { max: 1000 } } } };
    const server = await stack.admin.createServer({ name: 'priced', slug: 'priced', transport: 'STREAMABLE_HTTP', endpointUrl: upstream.url, pricing, policy });
    const apiKey = await stack.admin.createApiKey();
    await stack.admin.grant(apiKey.id, server.id);
    await newLimit(stack.admin, 'Budget', { limitUsd: '1000' });
    return apiKey.secret;
  }

  /** Answers the status; 0 of a node that was killed: what became of the call, the books must know. */
  async #call(key: string, number: number): Promise<number> {
    const gateway = this.#gateways[number % this.#gateways.length];
    const answer = await gateway?.send('priced', { key }).catch(() => undefined);
    if (answer?.status === 200) this.#answered.push(answer.headers.get('turnpike-request-id') ?? '');
    return answer?.status ?? 0;
  }

  /** Every program in turn, in an order that is drawn anew each time, so that none is left out. */
  async #killUntil(signal: AbortSignal): Promise<void> {
    let victims: Victim[] = [];
    while (!signal.aborted) {
      const dueAt = this.#answered.length + CALLS_PER_KILL_MIN + this.#draw() * (CALLS_PER_KILL_MAX - CALLS_PER_KILL_MIN);
      const isDue = () => this.#answered.length >= dueAt || signal.aborted;
      await eventually(() => (isDue() ? true : undefined), 'further calls being answered', PATIENCE_MILLIS);
      if (signal.aborted) return;
      if (victims.length === 0) victims = this.#victims();
      const killed = victims.splice(0, this.#draw() < TWO_AT_ONCE ? 2 : 1);
      await Promise.all(killed.map(({ kill }) => kill()));
      for (const { name } of killed) this.kills[name] = (this.kills[name] ?? 0) + 1;
    }
  }

  #victims(): Victim[] {
    const { stack, redis, database } = this.#parts;
    const victims = [
      {
        name: 'data plane',
        kill: () =>
          stack
            .data()
            .stop('SIGKILL')
            .then(() => stack.startData()),
      },
      { name: 'further data plane', kill: () => this.#startFurther() },
      {
        name: 'control plane',
        kill: () =>
          stack
            .control()
            .stop('SIGKILL')
            .then(() => stack.startControl()),
      },
      { name: 'further control plane', kill: () => this.#startFurtherControl() },
      { name: 'Redis', kill: () => redis.crash() },
      { name: 'PostgreSQL', kill: () => database.crash() },
    ];
    return victims
      .map((victim) => ({ victim, at: this.#draw() }))
      .toSorted((one, other) => one.at - other.at)
      .map(({ victim }) => victim);
  }

  /** In place of the one that there was. */
  async #startFurther(): Promise<void> {
    const { stack } = this.#parts;
    await this.#further?.program.stop('SIGKILL');
    this.#further = await stack.startFurtherData();
    this.#gateways = [new GatewayClient(stack.gatewayUrl), new GatewayClient(this.#further.url)];
  }

  async #startFurtherControl(): Promise<void> {
    await this.#furtherControl?.stop('SIGKILL');
    this.#furtherControl = await this.#parts.stack.startFurtherControl();
  }

  /** Answers what is left when it does not become nothing. */
  async #rest(): Promise<string> {
    const { stack, redis, database } = this.#parts;
    const [organisation] = await database.query('select organisation_id from limits');
    const { open, intents, counts, usage } = keysOf(z.string().parse(organisation?.['organisation_id']));
    return eventually(
      async () => {
        const [window] = await windowsOf(stack.admin, 'budgets');
        const left = await withRedis(redis.url, async (client) => ({
          requests: (await client.hlen(open)) + (await client.hlen(intents)),
          leases: Object.values(await client.hgetallBuffer(counts)).filter((state) => state.readBigInt64LE(0) === 0n && state.readBigInt64LE(8) !== 0n).length,
          events: await client.xlen(usage),
          reserved: Number(window?.reserved ?? -1),
        }));
        if (Object.values(left).some((count) => count !== 0)) throw new Error(JSON.stringify(left));
        return 'nothing';
      },
      'everything coming to rest',
      QUIET_MILLIS,
    ).catch((error: unknown) => String(error));
  }
}

interface Victim {
  readonly name: string;
  /** Resolves when it is back. */
  readonly kill: () => Promise<unknown>;
}

/** So that a seed draws the same again: mulberry32. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
