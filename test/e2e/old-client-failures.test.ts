/** What an old client hears of a server that answers late, wrongly or not at all. */
import { createServer, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { listenOnLoopback, type Loopback } from '../support/loopback.ts';
import { startTestPlanes, type TestPlanes } from '../support/planes.ts';
import { eventually } from '../support/processes.ts';
import { openRawDoor, type RawDoor } from '../support/raw-door.ts';

const messageSchema = z.object({ id: z.unknown().optional(), method: z.string() });
const SESSION = 'session-of-the-server';
const INITIALIZED = 'notifications/initialized';

/** What the server has heard: methods of messages, and of requests without one. */
let heard: string[] = [];
/** The answer to a notification that the server has not given yet. */
let held: ServerResponse | undefined;
let hasLost = false;
let server: Loopback;
let planes: TestPlanes;
let target: { url: string; apiKey: string };

function answer(response: ServerResponse, { id, method }: z.infer<typeof messageSchema>): void {
  const say = (status: number, body: object): void =>
    void response.writeHead(status, { 'content-type': 'application/json', 'mcp-session-id': SESSION }).end(JSON.stringify({ jsonrpc: '2.0', ...body }));
  switch (method) {
    case 'initialize':
      return say(200, { id, result: { protocolVersion: '2024-11-05', capabilities: {}, serverInfo: { name: 'wayward', version: '1' } } });
    case INITIALIZED:
      held = response;
      return;
    case 'hang':
      response.on('close', () => (hasLost = true));
      return;
    case 'forget':
      return say(404, { id: null, error: { code: -32_001, message: 'no such session' } });
    case 'shrug':
      return void response.writeHead(400).end();
    case 'break-off':
      return void response
        .writeHead(200, { 'content-type': 'text/event-stream' })
        .end('event: message\ndata: {"jsonrpc":"2.0","method":"notifications/message"}\n\n');
    case 'mislead':
      return void response
        .writeHead(200, { 'content-type': 'text/event-stream' })
        .end(`event: endpoint\ndata: /elsewhere\n\ndata: {"jsonrpc":"2.0",\ndata: "id":${JSON.stringify(id)},\r\ndata: "result":{}}\n\n`);
    default:
      return say(200, { id, error: { code: -32_601, message: 'unknown' } });
  }
}

beforeAll(async () => {
  const upstream = createServer((request, response) => {
    text(request)
      .then((body) => {
        const message = body === '' ? undefined : messageSchema.parse(JSON.parse(body));
        heard.push(message?.method ?? request.method ?? '');
        if (message === undefined) response.writeHead(405).end();
        else answer(response, message);
      })
      .catch((error: unknown) => response.destroy(error instanceof Error ? error : new Error(String(error))));
  });
  [planes, server] = await Promise.all([startTestPlanes(), listenOnLoopback(upstream)]);
  target = await planes.governed({ slug: 'wayward', endpointUrl: `${server.origin}/mcp` });
}, 120_000);

beforeEach(() => {
  [heard, held, hasLost] = [[], undefined, false];
});

afterAll(async () => {
  await planes?.close();
  await server?.close();
});

function ask(door: RawDoor, method: string): Promise<Response> {
  return door.post(JSON.stringify({ jsonrpc: '2.0', id: method, method }));
}

async function initialised(): Promise<RawDoor> {
  const door = await openRawDoor(target);
  await ask(door, 'initialize');
  await door.answerTo('initialize');
  return door;
}

test('a notification is accepted when the server has taken it, so that nothing overtakes it', async () => {
  const door = await initialised();
  let isAccepted = false;
  const accepting = door.post(JSON.stringify({ jsonrpc: '2.0', method: INITIALIZED })).then((accepted) => {
    isAccepted = true;
    return accepted.status;
  });
  const waiting = await eventually(() => held, 'the notification arriving');
  await ask(door, 'anything');
  await door.answerTo('anything');
  expect(isAccepted).toBe(false);
  waiting.writeHead(202).end();
  expect(await accepting).toBe(202);
});

test.each([
  ['shrug', 'bad_status'],
  ['break-off', 'bad_answer'],
])('a server that does not answer (%s) is an error with the id that was asked with', async (method, reason) => {
  const door = await initialised();
  expect((await ask(door, method)).status).toBe(202);
  expect(await door.answerTo(method)).toMatchObject({ error: { data: { code: 'upstream_error', reason } } });
  expect(door.isOpen()).toBe(true);
});

test('only messages reach the client, each in one line: no server can send it elsewhere', async () => {
  const door = await openRawDoor(target);
  await ask(door, 'mislead');
  expect(await door.answerTo('mislead')).toMatchObject({ result: {} });
  expect(door.text()).not.toContain('elsewhere');
});

test('a session that the server has forgotten ends its stream, once the call that found out is answered', async () => {
  const door = await initialised();
  await ask(door, 'forget');
  expect(await door.answerTo('forget')).toMatchObject({ error: { data: { code: 'mcp_not_found', reason: 'unknown_session' } } });
  await eventually(() => (door.isOpen() ? undefined : true), 'the end of the stream');
  expect((await ask(door, 'anything')).status).toBe(404);
});

test('a client who leaves takes its calls along, each recorded once', async () => {
  const door = await initialised();
  const requestId = (await ask(door, 'hang')).headers.get('turnpike-request-id') ?? '';
  await eventually(() => (heard.includes('hang') ? true : undefined), 'the call arriving');
  await door.leave();
  await eventually(() => (hasLost && heard.includes('DELETE') ? true : undefined), 'the server hearing of it');
  const records = await eventually(async () => {
    const rows = await planes.control.database.query('select status from usage_records where request_id = $1', [requestId]);
    return rows.length === 0 ? undefined : rows;
  }, 'the record');
  expect(records).toEqual([{ status: 499 }]);
});

test('one who is initialised anew has one session, not two', async () => {
  const door = await initialised();
  await ask(door, 'initialize');
  await eventually(() => (heard.includes('DELETE') ? true : undefined), 'the end of the first session');
  expect(door.isOpen()).toBe(true);
});
