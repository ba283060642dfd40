/** Two requests of one session with the same id each get their own answer, from a server that keeps its answers by id. */
import { createServer, type ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { pino } from 'pino';
import { z } from 'zod';
import { createStreamableHttpTransport } from '../../../data-plane/transports/streamable-http.ts';
import type { Transport, UpstreamRequest } from '../../../data-plane/transports/transport.ts';
import { UpstreamPools } from '../../../data-plane/transports/upstream-pools.ts';
import { listenOnLoopback, type Loopback } from '../../support/loopback.ts';
import { rpcCall, toolCall } from '../../support/rpc-call.ts';
import { KeepingSink, stdioServer, upstreamRequest, limited } from '../../support/stdio-caller.ts';

const messageSchema = z.object({ id: z.union([z.string(), z.number()]), params: z.object({ arguments: z.object({ message: z.string() }) }) });

let upstream: Loopback;
let transport: Transport;
const transports: Transport[] = [];
let endpointUrl: string;
/** Every message as it arrived, and how to answer it. */
let arrived: { text: string; id: string | number; message: string; response: ServerResponse }[] = [];
let onArrival: () => void = () => undefined;
/** How a GET is answered. */
let onGet: (response: ServerResponse) => void = (response) => response.writeHead(405).end();

beforeAll(async () => {
  const server = createServer((request, response) => {
    if (request.method === 'GET') return onGet(response);
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    request.on('end', () => {
      const { id, params } = messageSchema.parse(JSON.parse(text));
      arrived.push({ text, id, message: params.arguments.message, response });
      onArrival();
    });
  });
  upstream = await listenOnLoopback(server);
  endpointUrl = `${upstream.origin}/mcp`;
  transport = openTransport();
});

beforeEach(() => {
  arrived = [];
});

afterAll(async () => {
  await Promise.all(transports.map((each) => each.close()));
  await upstream?.close();
});

test.each(['1', '"a\\u0062"', '9007199254740993'])('both callers with the id %s get their own answer, under their own id', async (idToken) => {
  const [first, second] = [call('first', idToken), call('second', idToken)];
  await arrivals(2);
  expect(new Set(arrived.map(({ id }) => id)).size).toBe(2);
  answerAll(json);
  expect((await first.received).text).toBe(`{"jsonrpc":"2.0","id":${idToken},"result":{"for":"first"}}`);
  expect((await second.received).text).toBe(`{"jsonrpc":"2.0","id":${idToken},"result":{"for":"second"}}`);
});

test('an id that is written in another way is the same id', async () => {
  const [first, second] = [call('first', '"ab"'), call('second', '"a\\u0062"')];
  await arrivals(2);
  expect(new Set(arrived.map(({ id }) => id)).size).toBe(2);
  answerAll(json);
  expect((await first.received).text).toContain('"id":"ab"');
  expect((await second.received).text).toContain('"id":"a\\u0062"');
});

test('in event streams too, and nothing else of them changes', async () => {
  const events = (id: string, message: string) =>
    `: hello\r\n\r\nid: 7\nevent: message\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{"id":${id}}}\n\ndata: {"result":{"id":${id},"for":"${message}"},"id":${id}}\n\n`;
  const [first, second] = [call('first', '1', { acceptsEventStream: true }), call('second', '1', { acceptsEventStream: true })];
  await arrivals(2);
  const ours = arrived.map(({ text }) => /"id":("?[\w:-]+"?)/.exec(text)?.[1] ?? '');
  answerAll((response, id, message) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end(events(JSON.stringify(id), message)));
  const texts = [(await first.received).text, (await second.received).text];
  expect(texts[0]).toBe(events('1', 'first'));
  // Only the id of the answer was its request's; what else has that value is the server's own affair.
  expect(texts[1]).toBe(events(ours[1] ?? '', 'second').replace(/"id":"[^"]+"\}\n\n$/, '"id":1}\n\n'));
});

test.each([
  ['on the node that gave the id', () => transport],
  ['on another node', () => openTransport()],
])('an answer that was missed is fetched %s under the id of its caller', async (_where, nodeToResumeOn) => {
  const [first, second] = [call('first', '1', { acceptsEventStream: true }), call('second', '"\\u00e9"', { acceptsEventStream: true })];
  const third = call('third', '"\\u00e9"', { acceptsEventStream: true });
  await arrivals(3);
  const [, , { text } = { text: '' }] = arrived;
  const ownId = /"id":("turnpike:[^"]+")/.exec(text)?.[1] ?? 'none';
  answerAll((response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end('id: 7\ndata:\n\n'));
  await Promise.all([first.received, second.received, third.received]);
  const events = (id: string) =>
    `: hello\n\ndata: {"method":"x","params":{"id":${ownId}}}\n\nid: 8\ndata: {"jsonrpc":"2.0","id":${id},"result":{"n":1.0}}\n\ndata: {"id":${ownId},"method":"ping"}\n\n`;
  onGet = (response) => writeInPieces(response.writeHead(200, { 'content-type': 'text/event-stream' }), events(ownId));
  const resumed = new KeepingSink();
  nodeToResumeOn().send(
    { ...requestFor('', '1'), httpMethod: 'GET', call: undefined, forwardedHeaders: ['last-event-id', '7'], acceptsEventStream: true },
    resumed,
  );
  expect((await resumed.received).text).toBe(events('"\\u00e9"'));
});

test('a caller whose own id looks like one of ours gets that back, and not what it would stand for', async () => {
  const idToken = '"turnpike\\u003ax:MQ"';
  const sink = call('alone', idToken);
  await arrivals(1);
  expect(arrived[0]?.id).toMatch(/^turnpike:[\w-]+:[\w-]+$/);
  expect(arrived[0]?.id).not.toBe('turnpike:x:MQ');
  answerAll(json);
  expect((await sink.received).text).toBe(`{"jsonrpc":"2.0","id":${idToken},"result":{"for":"alone"}}`);
});

test('an event that is held back for its id is held only so long', async () => {
  onGet = (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const write = () => {
      while (!response.destroyed && response.write('x'.repeat(1000)));
    };
    response.on('drain', write);
    write();
  };
  const sink = new KeepingSink();
  const endless: UpstreamRequest = {
    ...requestFor('', '1'),
    httpMethod: 'GET',
    call: undefined,
    forwardedHeaders: ['last-event-id', '7'],
    acceptsEventStream: true,
  };
  transport.send({ ...endless, server: limited(endless.server, { eventBytesMax: 50_000 }) }, sink);
  expect(await sink.received).toMatchObject({ kind: 'failure', refusal: { code: 'upstream_error', reason: 'response_too_large' } });
});

test.each([
  ['in another session', { upstreamSessionId: 'other' }],
  ['without a session', { upstreamSessionId: undefined }],
])('the same id %s goes as it came', async (_where, changes) => {
  const [first, second] = [call('first', '1'), call('second', '1', changes)];
  await arrivals(2);
  expect(arrived.map(({ id }) => id)).toEqual([1, 1]);
  answerAll(json);
  await Promise.all([first.received, second.received]);
});

test('an id is free again when its request was answered, failed, or was given up', async () => {
  const endings: ((sink: KeepingSink, give: () => void) => Promise<unknown>)[] = [
    (sink) => (answerAll(json), sink.received),
    (sink) => (answerAll((response) => response.destroy()), sink.received),
    (sink) => (answerAll((response) => response.writeHead(302, { location: '/' }).end()), sink.received),
    (_sink, giveUp) => Promise.resolve(giveUp()),
  ];
  for (const end of endings) {
    arrived = [];
    const sink = new KeepingSink();
    const flight = transport.send(requestFor('again', '1'), sink);
    await arrivals(1);
    expect(arrived[0]?.id).toBe(1);
    await end(sink, () => flight.cancel());
  }
});

test('what is no request keeps its id, and a request is sent byte for byte', async () => {
  const body = '{ "params":{"arguments":{"message":"x"},"name":"echo"},"id" :1 ,"method":"tools/call","jsonrpc":"2.0"}';
  const sink = new KeepingSink();
  transport.send(upstreamRequest(serverAt(), rpcCall(body), { upstreamSessionId: 'session' }), sink);
  await arrivals(1);
  expect(arrived[0]?.text).toBe(body);
  answerAll(json);
  await sink.received;
});

function openTransport(): Transport {
  const pools = new UpstreamPools({ connectionsMax: 10, streamsMax: 10, privateCidrs: undefined });
  const opened = createStreamableHttpTransport(pools, pino({ level: 'silent' }));
  transports.push(opened);
  return opened;
}

/** Each byte as a write of its own, in the order of the event loop. */
function writeInPieces(response: ServerResponse, text: string): void {
  const bytes = Buffer.from(text);
  const write = (at: number): void => {
    if (at === bytes.length) response.end();
    else response.write(bytes.subarray(at, at + 1), () => write(at + 1));
  };
  write(0);
}

function serverAt() {
  const server = stdioServer();
  return { ...server, config: { ...server.config, transport: 'STREAMABLE_HTTP' as const, endpointUrl, stdioCommand: null } };
}

function requestFor(message: string, idToken: string, changes: Partial<UpstreamRequest> = {}): UpstreamRequest {
  return upstreamRequest(serverAt(), toolCall('echo', { message }, idToken), { upstreamSessionId: 'session', ...changes });
}

function call(message: string, idToken: string, changes: Partial<UpstreamRequest> = {}): KeepingSink {
  const sink = new KeepingSink();
  transport.send(requestFor(message, idToken, changes), sink);
  return sink;
}

async function arrivals(count: number): Promise<void> {
  while (arrived.length < count) {
    await new Promise<void>((resolve) => {
      onArrival = resolve;
    });
  }
  arrived.sort((left, right) => left.message.localeCompare(right.message));
}

function answerAll(answer: (response: ServerResponse, id: string | number, message: string) => void): void {
  for (const { response, id, message, text } of arrived) answer(response, typeof id === 'number' ? Number(/"id" ?:(\d+)/.exec(text)?.[1]) : id, message);
}

function json(response: ServerResponse, id: string | number, message: string): void {
  const { text } = arrived.find(({ response: its }) => its === response) ?? { text: '' };
  const token = /"id" ?:("(?:[^"\\]|\\.)*"|\d+)/.exec(text)?.[1] ?? JSON.stringify(id);
  response.writeHead(200, { 'content-type': 'application/json' }).end(`{"jsonrpc":"2.0","id":${token},"result":{"for":"${message}"}}`);
}
