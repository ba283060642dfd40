/** Looks at what the counters keep in Redis, as an operator would with redis-cli. */
import { readPackedWindow, type WindowCounts } from '../../shared/window-counts.ts';
import { keysOf } from '../../data-plane/counters/redis-keys.ts';
import { withRedis } from './redis.ts';

/** The events that wait in an organisation's stream, whatever entries they share. */
export function eventsIn(url: string, owner: string): Promise<string[]> {
  return withRedis(url, async (client) => {
    const entries = await client.xrange(keysOf(owner).usage, '-', '+');
    return entries.flatMap(([, fields]) => fields.filter((_, index) => index % 2 === 1));
  });
}

/** Used and reserved of a window; undefined for one that is not kept. */
export function windowIn(url: string, owner: string, key: string): Promise<WindowCounts | undefined> {
  return withRedis(url, async (client) => {
    const state = await client.hgetBuffer(keysOf(owner).counts, key);
    return state === null ? undefined : readPackedWindow(state);
  });
}

/** Every field of every hash, in an order of their own: what is counted, and what is under way. A hash that is only read may still be stored in another order. */
export function hashesIn(url: string): Promise<string[]> {
  return withRedis(url, async (client) => {
    const fields: string[] = [];
    for (const key of await client.keys('*')) {
      if ((await client.type(key)) !== 'hash') continue;
      for (const [field, value] of Object.entries(await client.hgetallBuffer(key))) fields.push(`${key} ${field} ${value.toString('hex')}`);
    }
    return fields.toSorted();
  });
}
