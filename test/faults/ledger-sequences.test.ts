/** The ledger against a model of it: random lives of calls on a real Redis, a good part of them lost, and nothing unexplained in the end. */
import fc from 'fast-check';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { connectRedisCounters } from '../../data-plane/counters/redis-counters.ts';
import { keysOf } from '../../data-plane/counters/redis-keys.ts';
import { newId } from '../../shared/ids.ts';
import { readPackedWindow } from '../../shared/window-counts.ts';
import { eventually } from '../support/processes.ts';
import { anyTestRedis, hasRedis, withRedis } from '../support/redis.ts';
import { eventsIn } from '../support/redis-counts.ts';
import { startWindowOpener } from '../support/window-opener.ts';
import { LedgerLife, sequences, type Expected } from './ledger-sequences.ts';

const SEQUENCES = Number(process.env['TURNPIKE_TEST_SEQUENCES'] ?? '10000');
const AT_ONCE = 250;
/** Longer than the sequences that are lived at once take, so that nobody is taken for lost who is not. */
const LOST_MILLIS = 10_000;

describe.runIf(hasRedis)('the ledger', () => {
  test(`${SEQUENCES} lives of calls, on two nodes at once: each window holds what its requests used, each request has one event, and nothing stays open`, async () => {
    const redis = await anyTestRedis();
    const opener = startWindowOpener(redis.url);
    const options = { url: redis.url, log: pino({ level: 'silent' }), intentLifetimeMillis: LOST_MILLIS, reapMillis: 1000 };
    const nodes = [connectRedisCounters(options), connectRedisCounters(options)] as const;
    const owner = newId('organisation');
    await eventually(() => (nodes.every(({ isAvailable }) => isAvailable) ? true : undefined), 'Redis answering');
    // Windows are open from here on.
    const expected: Expected[] = [await new LedgerLife(nodes[0], owner).live([{ request: 0, windows: [0], amount: 0, percentUsed: 0, action: 'admit' }])];
    const seed = Date.now();
    const drawn = fc.sample(sequences, { numRuns: SEQUENCES, seed });
    for (let from = 0; from < drawn.length; from += AT_ONCE) {
      const lives = drawn.slice(from, from + AT_ONCE).map((sequence, index) => {
        return new LedgerLife(nodes[index % 2 === 0 ? 0 : 1], owner).live(sequence).catch((cause: unknown) => {
          throw new Error(`seed ${seed}, ${JSON.stringify(sequence)}`, { cause });
        });
      });
      expected.push(...(await Promise.all(lives)));
    }
    await Promise.all(nodes.map((node) => node.flushed()));
    await eventually(
      async () => ((await withRedis(redis.url, (client) => client.hlen(keysOf(owner).open))) === 0 ? true : undefined),
      'what was lost being closed',
      60_000,
    );
    const keys = expected.flatMap((one) => one.keys);
    const counted = await withRedis(redis.url, async (client) => {
      const found: (Buffer | null)[] = [];
      for (let from = 0; from < keys.length; from += 1000) found.push(...(await client.hmgetBuffer(keysOf(owner).counts, ...keys.slice(from, from + 1000))));
      return found.map((window) => (window === null ? { used: 0, reserved: 0 } : readPackedWindow(window)));
    });
    expect(counted).toEqual(expected.flatMap((one) => one.used.map((used) => ({ used, reserved: 0 }))));
    const first = new Map((await eventsIn(redis.url, owner)).toReversed().map((event) => [event.split(' ')[1], event]));
    expect(new Set(first.values())).toEqual(new Set(expected.flatMap((one) => one.events)));
    expect(await withRedis(redis.url, (client) => client.hlen(keysOf(owner).intents))).toBe(0);
    await Promise.all(nodes.map((node) => node.close(0)));
    await opener.close();
    await redis.stop();
  }, 900_000);
});
