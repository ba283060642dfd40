/** Measures one contender for one round: what a call costs it and Redis, and how long a call waits. */
import type { Redis } from 'ioredis';
import type { Program } from '../support/processes.ts';
import type { Contender } from './contenders.ts';
import { runLoad, type LoadScripts, type Window } from './load.ts';
import { contenderCoreMicros, cpuMicrosOf } from './rig.ts';

const STEADY_SECONDS = 4;
const WARM_UP_SECONDS = 6;
const CALLS_ALONE = 200;
const SCRIPT_CALLS = /^cmdstat_evalsha:calls=(\d+)/m;

export interface Round {
  /** Counted from 1. */
  readonly number: number;
  readonly cpuMicros: number;
  /** Of Redis. */
  readonly redisMicros: number;
  /** Scripts that Redis ran for one call; one script serves many calls at once. */
  readonly redisScripts: number;
  /** What other programs used of the contender's core in the window, from 0 to 1: the more, the less the round is worth. */
  readonly othersShare: number;
  readonly closedLoop: Window;
  /** At 1,000 calls a second. */
  readonly steady: Window;
}

export interface MeasuredRedis {
  readonly program: Program;
  readonly client: Redis;
}

export async function measureRound(contender: Contender, scripts: LoadScripts, redis: MeasuredRedis, seconds: number): Promise<Omit<Round, 'number'>> {
  const read = async () => ({
    own: cpuMicrosOf(contender.program),
    core: contenderCoreMicros(),
    redis: cpuMicrosOf(redis.program),
    scripts: await scriptsRun(redis),
    at: performance.now() * 1000,
  });
  const { window, before, after } = await runLoad(contender.url, scripts.closedLoop, seconds, read);
  const own = after.own - before.own;
  return {
    cpuMicros: own / window.calls,
    redisMicros: (after.redis - before.redis) / window.calls,
    redisScripts: (after.scripts - before.scripts) / window.calls,
    othersShare: Math.max(0, after.core - before.core - own) / (after.at - before.at),
    closedLoop: window,
    steady: await measureWaiting(contender.url, scripts),
  };
}

export async function measureWaiting(url: string, scripts: LoadScripts): Promise<Window> {
  return (await runLoad(url, scripts.steady, STEADY_SECONDS, () => Promise.resolve())).window;
}

/** Both loads, for as long as it takes until nothing is compiled any more. */
export async function warmUp(contender: Contender, scripts: LoadScripts): Promise<void> {
  for (const script of [scripts.closedLoop, scripts.steady]) await runLoad(contender.url, script, WARM_UP_SECONDS, () => Promise.resolve());
}

/** Scripts that Redis runs for a call that is alone on its way: the one that is awaited, and the one behind the request's back. */
export async function countScriptsOfOneCall({ url, token }: Contender, redis: MeasuredRedis, body: string): Promise<number> {
  const call = async () => {
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` }, body });
    await response.arrayBuffer();
  };
  const before = await scriptsRun(redis);
  for (let count = 0; count < CALLS_ALONE; count++) await call();
  return ((await scriptsRun(redis)) - before) / CALLS_ALONE;
}

async function scriptsRun({ client }: MeasuredRedis): Promise<number> {
  return Number(SCRIPT_CALLS.exec(await client.info('commandstats'))?.[1] ?? 0);
}
