/** Room that is taken for several calls at once against the model of the ledger: nothing past a limit, and counters and events agree whatever is lost. */
import fc from 'fast-check';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { AllottedCounters } from '../../data-plane/counters/allotted-counters.ts';
import { connectRedisCounters } from '../../data-plane/counters/redis-counters.ts';
import { keysOf } from '../../data-plane/counters/redis-keys.ts';
import { systemClock } from '../../shared/clock.ts';
import { newId } from '../../shared/ids.ts';
import { eventually } from '../support/processes.ts';
import { anyTestRedis, hasRedis, withRedis } from '../support/redis.ts';
import { eventsIn, windowIn } from '../support/redis-counts.ts';
import { startWindowOpener } from '../support/window-opener.ts';
import { alikeSequences, LedgerLife } from './ledger-sequences.ts';

const SEQUENCES = Math.ceil(Number(process.env['TURNPIKE_TEST_SEQUENCES'] ?? '10000') / 5);
const AT_ONCE = 100;
const AHEAD_MAX = 12;
/** Longer than the sequences that are lived at once take, so that nobody is taken for lost who is not. */
const LOST_MILLIS = 10_000;

describe.runIf(hasRedis)('room for several calls', () => {
  test(`${SEQUENCES} lives of calls that share it, on two nodes: no limit is passed, and each window holds what the events say`, async () => {
    const redis = await anyTestRedis();
    const opener = startWindowOpener(redis.url);
    const options = { url: redis.url, log: pino({ level: 'silent' }), intentLifetimeMillis: LOST_MILLIS, reapMillis: 1000 };
    const stores = [connectRedisCounters(options), connectRedisCounters(options)];
    await eventually(() => (stores.every(({ isAvailable }) => isAvailable) ? true : undefined), 'Redis answering');
    const nodes = stores.map((store) => new AllottedCounters(store, systemClock));
    const owner = newId('organisation');
    const seed = Date.now();
    const drawn = fc.sample(alikeSequences, { numRuns: SEQUENCES, seed });
    const lives: LedgerLife[] = [];
    for (const node of nodes) {
      const life = new LedgerLife(node, owner);
      // Windows are open from here on.
      await life.live([{ request: 0, windows: [0], amount: 0, percentUsed: 0, action: 'admit' }]);
      lives.push(life);
    }
    for (let from = 0; from < drawn.length; from += AT_ONCE) {
      const lived = drawn.slice(from, from + AT_ONCE).map(async (sequence, index) => {
        const [one, other] = nodes;
        if (one === undefined || other === undefined) throw new Error('there are two nodes');
        const life = new LedgerLife(index % 2 === 0 ? one : other, owner, 2 + (index % (AHEAD_MAX - 1)));
        await life.live(sequence).catch((cause: unknown) => {
          throw new Error(`seed ${seed}, ${JSON.stringify(sequence)}`, { cause });
        });
        return life;
      });
      lives.push(...(await Promise.all(lived)));
    }
    expect(lives.filter(({ askedAhead }) => askedAhead > 0).length).toBeGreaterThan(SEQUENCES / 10);
    await Promise.all(nodes.map((node) => node.flushed()));
    await eventually(
      async () => ((await withRedis(redis.url, (client) => client.hlen(keysOf(owner).open))) === 0 ? true : undefined),
      'what was lost being closed',
      60_000,
    );
    const first = new Map((await eventsIn(redis.url, owner)).toReversed().map((event) => [event.split(' ')[1] ?? '', event]));
    for (const life of lives) {
      const windows = await Promise.all(life.keys.map((key) => windowIn(redis.url, owner, key)));
      expect(windows.map((window) => window ?? { used: 0, reserved: 0 })).toEqual(life.usedBy(first).map((used) => ({ used, reserved: 0 })));
    }
    expect(await withRedis(redis.url, (client) => client.hlen(keysOf(owner).intents))).toBe(0);
    await Promise.all(nodes.map((node) => node.close(0)));
    await opener.close();
    await redis.stop();
  }, 900_000);
});
