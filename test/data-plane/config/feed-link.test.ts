/** A connection that does not come about is given up without harm. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocketFeedLink } from '../../../data-plane/config/feed-link.ts';
import { freePort } from '../../support/processes.ts';

const HELLO = { name: 'node:1', version: 'test', configVersion: '0', ready: true, inFlight: 0, endpoints: [] };

/** Takes connections and never says a word. */
let mute: Server;
let sockets: Socket[];
let url: string;

beforeEach(async () => {
  sockets = [];
  mute = createServer((socket) => {
    socket.on('error', () => undefined);
    sockets.push(socket);
  });
  mute.listen(0, '127.0.0.1');
  await once(mute, 'listening');
  const address = mute.address();
  url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
});
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  mute.close();
});

test('one that nobody answers can be ended, and whoever waited for it is told', async () => {
  const link = new WebSocketFeedLink(url, 'tpd_x');
  const hello = link.hello(HELLO).then(
    () => 'answered',
    () => 'failed',
  );
  const [socket] = await once(mute, 'connection');
  const gone = once(socket, 'close');
  link.terminate();
  expect(await hello).toBe('failed');
  await gone;
  await link.close();
});

test('one that nobody answers does not hold up the end of the node', async () => {
  const link = new WebSocketFeedLink(url, 'tpd_x');
  const hello = link.hello(HELLO).catch(() => 'failed');
  await once(mute, 'connection');
  await link.close();
  expect(await hello).toBe('failed');
});

test('one to where nobody listens fails at once, as often as it is tried', async () => {
  const link = new WebSocketFeedLink(`http://127.0.0.1:${await freePort()}`, 'tpd_x');
  for (let attempt = 0; attempt < 3; attempt++) await expect(link.hello(HELLO)).rejects.toBeDefined();
  await link.close();
});
