/** Opens windows as they are, in place of the control plane: for tests of the counters alone, which have nothing to count again. */
import { setTimeout as wait } from 'node:timers/promises';
import { GREETING_KEY, REBUILDS_KEY } from '../../shared/window-counts.ts';
import { keysOf } from '../../data-plane/counters/redis-keys.ts';
import { connectQuietly } from './redis.ts';

export interface WindowOpener {
  close(): Promise<void>;
}

const POLL_MILLIS = 5;
const LATER = 4_102_444_800_000n;

export function startWindowOpener(url: string): WindowOpener {
  const redis = connectQuietly(url);
  const ending = new AbortController();
  const open = async () => {
    const greeting = (await redis.get(GREETING_KEY)) ?? '';
    for (const owner of await redis.smembers(REBUILDS_KEY)) {
      const epoch = Buffer.alloc(16);
      epoch.writeBigInt64LE(LATER, 0);
      epoch.writeBigInt64LE(1n, 8);
      await redis.hset(keysOf(owner).counts, 'epoch', Buffer.concat([epoch, Buffer.from(greeting)]));
      await redis.srem(REBUILDS_KEY, owner);
    }
  };
  const running = (async () => {
    while (!ending.signal.aborted) {
      // A Redis that is away has nothing to open.
      if (redis.status === 'ready') await open().catch(() => undefined);
      await wait(POLL_MILLIS);
    }
  })();
  return {
    close: async () => {
      ending.abort();
      await running;
      redis.disconnect();
    },
  };
}
