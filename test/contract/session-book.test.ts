/** The session book's contract over memory and over a real Redis, and what each does beyond it. */
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { connectRedis, RedisLink } from '../../data-plane/counters/redis-link.ts';
import { MemorySessionBook } from '../../data-plane/sessions/memory-session-book.ts';
import { RedisSessionBook } from '../../data-plane/sessions/redis-session-book.ts';
import { ENTRY_MILLIS, SessionBookUnavailable } from '../../data-plane/sessions/session-book.ts';
import { systemClock } from '../../shared/clock.ts';
import { eventually } from '../support/processes.ts';
import { recordingLog } from '../support/recording-log.ts';
import { anyTestRedis, hasRedis, startTestRedis, withRedis } from '../support/redis.ts';
import { describeSessionBook } from './session-book.contract.ts';

const session = { organisationId: 'org_1', serverId: 'srv_1', apiKeyId: 'key_1', upstreamSessionId: 'first' };

describeSessionBook('a session book in memory', () => {
  const book = new MemorySessionBook(systemClock);
  return Promise.resolve({ book, elsewhere: book, close: () => Promise.resolve() });
});

test('in memory an entry is kept for a day after its last use, and the oldest gives way to what is over the limit', async () => {
  let now = 0;
  const book = new MemorySessionBook({ now: () => now, elapsed: () => now }, 2);
  await book.end(session);
  now = ENTRY_MILLIS - 1;
  expect(await book.find(session)).toBeDefined();
  now += ENTRY_MILLIS - 1;
  expect(await book.find(session)).toBeDefined();
  now += ENTRY_MILLIS;
  expect(await book.find(session)).toBeUndefined();
  for (const upstreamSessionId of ['a', 'b', 'c']) await book.end({ ...session, upstreamSessionId });
  expect(await book.find({ ...session, upstreamSessionId: 'a' })).toBeUndefined();
  expect(await book.find({ ...session, upstreamSessionId: 'b' })).toBeDefined();
});

describe.runIf(hasRedis)('with a Redis', () => {
  describeSessionBook('a session book in Redis', async () => {
    const redis = await anyTestRedis();
    const [one, other] = [await openBook(redis.url), await openBook(redis.url)];
    return {
      book: one.book,
      elsewhere: other.book,
      close: async () => {
        for (const { link } of [one, other]) link.close();
        await redis.stop();
      },
    };
  });

  test('entries expire, belong to their organisation, and tell no id of the server’s by their names', async () => {
    const redis = await startTestRedis();
    const { book, link } = await openBook(redis.url);
    await book.end(session);
    await book.heal({ ...session, upstreamSessionId: 'other' }, 'other', 'second');
    const keys = await withRedis(redis.url, (client) => client.keys('*session*'));
    expect(keys).toHaveLength(2);
    for (const key of keys) {
      expect(key).toMatch(/^\{org_1\}:session:[\w-]{43}$/);
      expect(await withRedis(redis.url, (client) => client.pttl(key))).toBeGreaterThan(0);
    }
    link.close();
    await redis.stop();
  });

  test('what Redis did not take is not in the log', async () => {
    const redis = await startTestRedis();
    const { log, lines } = recordingLog();
    const { book, link } = await openBook(redis.url, log);
    await withRedis(redis.url, (client) => client.config('SET', 'maxmemory', '1'));
    await expect(book.heal(session, 'first', 'second')).rejects.toBeInstanceOf(SessionBookUnavailable);
    const told = lines.join('');
    expect(told).toContain('OOM');
    expect(told).not.toContain('second');
    link.close();
    await redis.stop();
  });

  test('while Redis is away nothing is found or healed, and an ending is told on its return', async () => {
    const redis = await startTestRedis();
    const { book, link } = await openBook(redis.url);
    await redis.halt();
    await eventually(() => (link.isAvailable ? undefined : true), 'the absence being noticed');
    await expect(book.find(session)).rejects.toBeInstanceOf(SessionBookUnavailable);
    await expect(book.heal(session, 'first', 'second')).rejects.toBeInstanceOf(SessionBookUnavailable);
    await book.end(session);
    await redis.resume();
    const other = await openBook(redis.url);
    expect(await eventually(() => other.book.find(session), 'the ending being told')).toEqual({ kind: 'ended' });
    for (const open of [link, other.link]) open.close();
    await redis.stop();
  });
});

async function openBook(url: string, log = pino({ level: 'silent' })): Promise<{ book: RedisSessionBook; link: RedisLink }> {
  const link = new RedisLink(connectRedis(url), log);
  const book = new RedisSessionBook(link);
  await eventually(() => (link.isAvailable ? true : undefined), 'Redis answering');
  return { book, link };
}
