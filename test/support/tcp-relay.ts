/** Stands between two programs and can lose what passes: cut it, or swallow everything without a sign. */
import { connect, createServer, type Socket } from 'node:net';

export interface TcpRelay {
  /** `http://host:port`. */
  readonly url: string;
  /** Connections that are open stay so, and nothing passes through them any more; new ones work. */
  swallow(): void;
  /** Ends every connection, and ends new ones at once. */
  cut(): void;
  /** Ends every connection, and leads new ones there from now on. */
  lead(targetUrl: string): void;
  /** New connections work again. */
  heal(): void;
  close(): Promise<void>;
}

export async function startTcpRelay(targetUrl: string): Promise<TcpRelay> {
  let target = new URL(targetUrl);
  const pairs = new Set<{ near: Socket; far: Socket; isPassing: boolean }>();
  let isCut = false;
  const server = createServer((near) => {
    if (isCut) return void near.destroy();
    const pair = { near, far: connect(Number(target.port), target.hostname), isPassing: true };
    pairs.add(pair);
    for (const [from, to] of [
      [pair.near, pair.far],
      [pair.far, pair.near],
    ] as const) {
      from.on('data', (data) => pair.isPassing && to.write(data));
      from.on('error', () => undefined);
      from.on('close', () => {
        pairs.delete(pair);
        if (pair.isPassing) to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const endAll = () => {
    for (const { near, far } of pairs) for (const socket of [near, far]) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    swallow: () => {
      for (const pair of pairs) pair.isPassing = false;
    },
    cut: () => {
      isCut = true;
      endAll();
    },
    lead: (nextUrl) => {
      target = new URL(nextUrl);
      endAll();
    },
    heal: () => {
      isCut = false;
    },
    close: async () => {
      endAll();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
