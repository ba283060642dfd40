/** A real Redis of the tests' own, which can be stopped and brought back. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { filesBelow } from './files-below.ts';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { eventually, freePort, startProgram } from './processes.ts';

export interface TestRedis {
  readonly url: string;
  /** Everything in it, as text. */
  dump(): Promise<string>;
  /** Everything that it has written to its disk, as text. */
  onDisk(): string;
  /** Stops it in order, so that what it holds is on disk. */
  halt(): Promise<void>;
  /** Brings it back on the same port, with what it held. */
  resume(): Promise<void>;
  /** Ends it as a crash does, and brings it back on the same port with what it had written. */
  crash(): Promise<void>;
  /** The same with nothing of what it held. */
  loseEverything(): Promise<void>;
  stop(): Promise<void>;
}

/** Whether this machine can run a Redis; where it cannot, suites that need one say so and are left out, except in CI. */
export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;
if (!hasRedis) {
  const sentence = 'redis-server is not installed: what needs a real Redis is NOT tested here (apt-get install redis-server)';
  if (process.env['CI'] !== undefined) throw new Error(sentence);
  process.stderr.write(`\n*** ${sentence} ***\n\n`);
}

/** For suites that only read and write: the Redis of `TURNPIKE_TEST_REDIS_URL` where there is one, else one of their own. */
export async function anyTestRedis(): Promise<Pick<TestRedis, 'url' | 'stop'>> {
  const url = process.env['TURNPIKE_TEST_REDIS_URL'];
  return url === undefined ? startTestRedis() : { url, stop: () => Promise.resolve() };
}

/**
 * `appendfsync`: with `everysec` Redis answers while the disk is slow before it has handed a write to the kernel, so that what it answered may be gone with
 * the process; with `no` each write is there.
 */
export async function startTestRedis({ appendfsync = 'everysec' }: { appendfsync?: 'everysec' | 'no' } = {}): Promise<TestRedis> {
  const directory = mkdtempSync(join(tmpdir(), 'turnpike-redis-'));
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory];
  // A copy is made at once: nobody waits for others that want one too.
  const keeping = ['--appendonly', 'yes', '--appendfsync', appendfsync, '--save', '', '--maxmemory-policy', 'noeviction', '--repl-diskless-sync-delay', '0'];
  const start = async () => {
    const program = startProgram('redis-server', [...place, ...keeping], {});
    await eventually(() => withRedis(url, async (redis) => (await redis.ping()) === 'PONG'), 'Redis answering');
    return program;
  };
  let program = await start();
  return {
    url,
    dump: () => withRedis(url, dumpOf),
    onDisk: () => filesBelow(directory),
    halt: async () => void (await program.stop()),
    resume: async () => {
      program = await start();
    },
    crash: async () => {
      await program.stop('SIGKILL');
      program = await start();
    },
    loseEverything: async () => {
      await program.stop('SIGKILL');
      for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true });
      program = await start();
    },
    stop: async () => {
      await program.stop('SIGKILL');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A connection that comes back by itself, and complains to its callers alone. */
export function connectQuietly(url: string): Redis {
  const redis = new Redis(url, { protocol: 2, maxRetriesPerRequest: 0, enableOfflineQueue: false, retryStrategy: () => 20 });
  redis.on('error', () => undefined);
  return redis;
}

/** A short connection that complains to its caller alone. */
export async function withRedis<Answer>(url: string, work: (redis: Redis) => Promise<Answer>): Promise<Answer> {
  const redis = new Redis(url, { lazyConnect: true, protocol: 2, retryStrategy: () => null });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

async function dumpOf(redis: Redis): Promise<string> {
  const parts: string[] = [];
  for (const key of await redis.keys('*')) parts.push(key, (await redis.dumpBuffer(key)).toString('latin1'), JSON.stringify(await valueOf(redis, key)));
  return parts.join('\n');
}

async function valueOf(redis: Redis, key: string): Promise<unknown> {
  switch (await redis.type(key)) {
    case 'string':
      return redis.get(key);
    case 'hash':
      return redis.hgetall(key);
    case 'set':
      return redis.smembers(key);
    case 'zset':
      return redis.zrange(key, '0', '-1');
    case 'stream':
      return redis.xrange(key, '-', '+');
    default:
      throw new Error(`there is a key of an unexpected type: ${key}`);
  }
}
