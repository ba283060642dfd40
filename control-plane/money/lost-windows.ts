/** The side of Redis in a recovery: whose windows are lost, what is known of them, and writing them. */
import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { countsKeyOf, GREETING_KEY, readPackedEpoch, REBUILDS_KEY } from '../../shared/window-counts.ts';
import { toldRequests } from './told-requests.ts';

export interface RecoveredWindow {
  readonly key: string;
  readonly keptUntilMillis: number;
  readonly used: bigint;
}

/** A request that is under way, as far as Redis knows. */
export interface LookedUpRequest {
  readonly requestId: string;
  /** Then it is over. */
  readonly hasRecord: boolean;
}

export interface Recovered {
  readonly token: string;
  /** Of the Redis that was asked. */
  readonly greeting: string;
  readonly requests: readonly LookedUpRequest[];
  readonly windows: readonly RecoveredWindow[];
}

const COMMAND_TIMEOUT_MILLIS = 2000;
const RECONNECT_MILLIS_MAX = 500;
const LOCK_MILLIS = 10_000;
/** Nodes greet Redis three times as often, and tell it what they have under way when it does not know them. */
const GREETED_MILLIS = 1000;
/** Entries of a stream that are looked through; with more, the records are too far behind. */
const ENTRIES_MAX = 500;
const REBUILD = readFileSync(new URL('rebuild.lua', import.meta.url), 'utf8');
const CLOSE = "redis.call('HDEL', KEYS[1], 'epoch') redis.call('DEL', KEYS[2])";
const UNLOCK = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end";

export class LostWindows {
  readonly #redis: Redis;

  constructor(url: string, log: Logger) {
    this.#redis = new Redis(url, {
      protocol: 2,
      commandTimeout: COMMAND_TIMEOUT_MILLIS,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      retryStrategy: (attempt) => Math.min(RECONNECT_MILLIS_MAX, attempt * 50) * (0.5 + Math.random() / 2),
    });
    this.#redis.on('error', (error) => log.debug({ err: error }, 'lost windows cannot be looked for'));
  }

  /** Organisations whose windows a node has found lost; none while Redis is away, since then nobody could say so. */
  async owners(): Promise<string[]> {
    return this.#redis.status === 'ready' ? this.#redis.smembers(REBUILDS_KEY) : [];
  }

  async ask(owner: string): Promise<void> {
    await this.#redis.sadd(REBUILDS_KEY, owner);
  }

  async forget(owner: string): Promise<void> {
    await this.#redis.srem(REBUILDS_KEY, owner);
  }

  /** Whether there is nothing to count: who asked may not have seen yet that it is done. */
  async areOpen(owner: string, greeting: string): Promise<boolean> {
    const epoch = await this.#redis.hgetBuffer(countsKeyOf(owner), 'epoch');
    return epoch !== null && readPackedEpoch(epoch).greeting === greeting;
  }

  /** Ends a count that is under way as well, and asks for a new one. */
  async closeWindows(owner: string): Promise<void> {
    await this.#redis.eval(CLOSE, 2, countsKeyOf(owner), lockOf(owner));
    await this.ask(owner);
  }

  async lock(owner: string, token: string): Promise<boolean> {
    return (await this.#redis.set(lockOf(owner), token, 'PX', LOCK_MILLIS, 'NX')) !== null;
  }

  async unlock(owner: string, token: string): Promise<void> {
    await this.#redis.eval(UNLOCK, 1, lockOf(owner), token);
  }

  /** How the nodes greet this Redis, once each has had the time to tell it, as it is now, what it has under way; undefined before. */
  async greeting(): Promise<string | undefined> {
    const greeting = (await this.#redis.get(GREETING_KEY)) ?? '';
    const [runId, sinceMillis] = greeting.split(' ');
    const [seconds, micros] = await this.#redis.time();
    const nowMillis = Number(seconds) * 1000 + Number(micros) / 1000;
    return runId === (await this.#runId()) && nowMillis - Number(sinceMillis) >= GREETED_MILLIS ? greeting : undefined;
  }

  /** Requests whose events wait in the stream; undefined when there are too many to say. */
  async requestsIn(owner: string): Promise<string[] | undefined> {
    const entries = await this.#redis.xrange(`{${owner}}:usage`, '-', '+', 'COUNT', ENTRIES_MAX);
    if (entries.length === ENTRIES_MAX) return undefined;
    const events = entries.flatMap(([, fields]) => fields.filter((_, index) => index % 2 === 1));
    return [...new Set(toldRequests(events))];
  }

  openRequests(owner: string): Promise<string[]> {
    return this.#redis.hkeys(`{${owner}}:open`);
  }

  /** In one step, if the lock is still held, and no further request has been told of. */
  async write(owner: string, { token, greeting, requests, windows }: Recovered): Promise<boolean> {
    const keys = [`{${owner}}:open`, `{${owner}}:intents`, countsKeyOf(owner), lockOf(owner)];
    const used = windows.flatMap((window) => [window.key, String(window.keptUntilMillis), String(window.used)]);
    const lookedUp = requests.flatMap(({ requestId, hasRecord }) => [requestId, hasRecord ? '1' : '0']);
    return (await this.#redis.eval(REBUILD, keys.length, ...keys, token, greeting, String(windows.length), ...used, ...lookedUp)) === 1;
  }

  close(): Promise<void> {
    this.#redis.disconnect();
    return Promise.resolve();
  }

  async #runId(): Promise<string> {
    return /run_id:(\w+)/.exec(await this.#redis.info('server'))?.[1] ?? '';
  }
}

function lockOf(owner: string): string {
  return `{${owner}}:rebuild`;
}
