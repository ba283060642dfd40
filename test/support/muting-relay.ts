/** Stands between a client and its server, and can lose every answer on its way: what was asked is done, and nobody hears of it. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface MutingRelay {
  readonly port: number;
  /** Questions still arrive, answers no more. */
  mute(): void;
  /** Ends every connection; new ones pass both ways. */
  heal(): void;
  close(): Promise<void>;
}

export async function startMutingRelay(targetPort: number): Promise<MutingRelay> {
  const sockets = new Set<Socket>();
  let isMuted = false;
  const server = createServer((near) => {
    const far = connect(targetPort, '127.0.0.1');
    near.on('data', (data) => far.write(data));
    far.on('data', (data) => isMuted || near.write(data));
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const endAll = () => sockets.forEach((socket) => socket.destroy());
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    mute: () => {
      isMuted = true;
    },
    heal: () => {
      isMuted = false;
      endAll();
    },
    close: async () => {
      endAll();
      server.close();
      await once(server, 'close');
    },
  };
}
