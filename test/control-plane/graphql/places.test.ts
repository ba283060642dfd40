/** Nobody takes the time, the places or the memory of all: deadlines, operations and sockets at once, and readers that do not read. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Client } from 'graphql-ws';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { UnderWay } from '../../../control-plane/access/under-way.ts';
import { MemoryCounters } from '../../../data-plane/counters/memory-counters.ts';
import { MemoryWindowCounts } from '../../../data-plane/counters/memory-window-counts.ts';
import { systemClock } from '../../../shared/clock.ts';
import { askOverHttp, askOverSocket, socketClient } from '../../support/both-transports.ts';
import { startTestControlPlane, type TestControlPlane } from '../../support/control-plane.ts';
import { acknowledged, introduce, openSocket, type GraphqlSocket } from '../../support/graphql-socket.ts';
import { newLimit } from '../../support/limits.ts';
import { eventually } from '../../support/processes.ts';

/** Asks for a count that is never read. */
const ENDLESS = '{ budgets { nodes { window { used } } } }';

/** Counts that nobody gets to see, until the test lets go of them. */
class StuckCounts extends MemoryWindowCounts {
  readonly #free = Promise.withResolvers<void>();

  override async read(...given: Parameters<MemoryWindowCounts['read']>) {
    await this.#free.promise;
    return super.read(...given);
  }

  letGo(): void {
    this.#free.resolve();
  }
}

const windowCounts = new StuckCounts(new MemoryCounters({ clock: systemClock }));
let plane: TestControlPlane;
let client: Client;

beforeAll(async () => {
  plane = await startTestControlPlane(undefined, { windowCounts });
  client = socketClient(plane);
  await newLimit(plane.admin, 'Budget', { limitUsd: '1' });
});
afterAll(async () => {
  windowCounts.letGo();
  await client?.dispose();
  await plane?.close();
});

async function signedIn(token: string): Promise<GraphqlSocket> {
  return acknowledged(await openSocket(plane.graphqlUrl), { authorization: `Bearer ${token}` });
}

test('a query that takes longer than five seconds is answered then, over HTTP and over WebSocket', async () => {
  const told = [{ message: 'the query took longer than 5 seconds', extensions: { code: 'DEADLINE_EXCEEDED', requestId: expect.stringMatching(/^req_/) } }];
  const [overHttp, overSocket] = await Promise.all([plane.ask(ENDLESS), askOverSocket(client, ENDLESS)]);
  expect(overHttp).toMatchObject({ status: 503, errors: told });
  expect(overSocket).toMatchObject(told);
});

test('the 65th operation at once is refused, to that caller alone, until one of them has ended', async () => {
  const { token } = await plane.newAdminToken();
  const { token: other } = await plane.newAdminToken();
  const waiting = Array.from({ length: 64 }, () => plane.ask(ENDLESS, {}, token));
  const refused = await eventually(async () => {
    const answer = await plane.ask('{ __typename }', {}, token);
    return answer.status === 429 ? answer : undefined;
  }, 'the refusal');
  expect(refused.errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED', retryAfter: 1 } }]);
  expect((await plane.ask('{ __typename }', {}, other)).status).toBe(200);
  await Promise.all(waiting);
  expect((await plane.ask('{ __typename }', {}, token)).status).toBe(200);
});

test('a place is given back once', () => {
  const places = new UnderWay(1);
  const leave = places.enter('me');
  expect(places.enter('me')).toBeUndefined();
  expect(places.enter('you')).toBeDefined();
  leave?.();
  expect(places.enter('me')).toBeDefined();
});

test('the 21st socket of a caller is closed with 4429, and another takes the place of one that has gone', async () => {
  const { token } = await plane.newAdminToken();
  const sockets = await Promise.all(Array.from({ length: 20 }, () => signedIn(token)));
  const tooMany = await openSocket(plane.graphqlUrl);
  introduce(tooMany, { authorization: `Bearer ${token}` });
  expect(await tooMany.closed).toEqual({ code: 4429, reason: 'More than 20 sockets' });
  sockets[0]?.socket.close();
  await eventually(async () => {
    const again = await openSocket(plane.graphqlUrl);
    introduce(again, { authorization: `Bearer ${token}` });
    const isIn = await Promise.race([again.closed.then(() => false), once(again.socket, 'message').then(() => true)]);
    again.socket.close();
    return isIn ? true : undefined;
  }, 'a place');
  for (const { socket } of sockets) socket.close();
});

test('whoever asks and asks and does not read is cut off', async () => {
  const { socket, closed } = await signedIn(plane.token);
  socket.pause();
  const ping = JSON.stringify({ type: 'ping', payload: { padding: 'x'.repeat(60_000) } });
  const asking = setInterval(() => socket.send(ping), 1);
  socket.once('close', () => clearInterval(asking));
  await eventually(() => (plane.log().includes('does not read') ? true : undefined), 'the end');
  clearInterval(asking);
  socket.resume();
  expect((await closed).code).not.toBe(1000);
});

test('a request that never ends is cut off, and others are answered meanwhile', async () => {
  const { hostname, port } = new URL(plane.url);
  const slow = connect(Number(port), hostname);
  slow.write('POST /graphql HTTP/1.1\r\nHost: x\r\nX-Slow: ');
  const drip = setInterval(() => slow.write('x'), 100);
  slow.on('error', () => clearInterval(drip));
  expect(await askOverHttp(plane, '{ viewer { permissions } }')).toEqual([]);
  const [answer] = await once(slow, 'data');
  expect(String(answer)).toContain('408');
  clearInterval(drip);
  slow.destroy();
}, 60_000);
