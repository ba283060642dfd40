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
