/** Whatever an upstream does wrong over HTTP, its call ends once, in time, with a reason, and the next one is not harmed. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pino } from 'pino';
import type { GovernedServer } from '../../../data-plane/config/governed-server.ts';
import { createStreamableHttpTransport } from '../../../data-plane/transports/streamable-http.ts';
import type { Transport } from '../../../data-plane/transports/transport.ts';
import { UpstreamPools } from '../../../data-plane/transports/upstream-pools.ts';
import type { ServerLimits } from '../../../shared/server-limits.ts';
import { eventually } from '../../support/processes.ts';
import { toolCall } from '../../support/rpc-call.ts';
import { changed, KeepingSink, stdioServer, upstreamRequest, type Received } from '../../support/stdio-caller.ts';

const RESPONSE_BYTES_MAX = 100_000;
const LIMITS: ServerLimits = { headersTimeoutMillis: 700, idleTimeoutMillis: 700, totalTimeoutMillis: 2000 };
const ANSWER = '{"jsonrpc":"2.0","id":1,"result":{}}';
const GOOD = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${ANSWER.length}\r\n\r\n${ANSWER}`;
const STREAM_HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n';

const UNFIT_BODIES: readonly [string, string][] = [
  ['nothing', ''],
  ['prose that it calls JSON', 'Internal error'],
  ['half an answer', '{"jsonrpc":"2.0","id":1,"result":{"a":'],
  ['two answers', ANSWER + ANSWER],
  ['a batch', `[${ANSWER}]`],
  ['the answer to another request', '{"jsonrpc":"2.0","id":2,"result":{}}'],
  ['neither a result nor an error', '{"jsonrpc":"2.0","id":1}'],
];

/** What the upstream does with a request that has arrived; afterwards it behaves. */
type Deed = (socket: Socket) => void;

let server: Server;
let transport: Transport;
let endpointUrl: string;
let deed: Deed | undefined;
let requests = 0;
const sockets = new Set<Socket>();

beforeAll(async () => {
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.on('data', () => {
      requests++;
      const now = deed;
      deed = undefined;
      if (now === undefined) socket.write(GOOD);
      else now(socket);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  endpointUrl = `http://127.0.0.1:${portOf(server.address())}/mcp`;
  const pools = new UpstreamPools({ connectionsMax: 10, streamsMax: 10, privateCidrs: undefined });
  transport = createStreamableHttpTransport(pools, pino({ level: 'silent' }));
});

beforeEach(() => {
  requests = 0;
});

afterAll(async () => {
  await transport?.close();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

describe.each([
  ['a caller that takes events', true],
  ['a caller that takes JSON alone', false],
])('for %s', (_who, acceptsEventStream) => {
  test.each<[string, string, Deed]>([
    ['accepts and says nothing', 'upstream_timeout/header_timeout', () => undefined],
    ['drips its headers', 'upstream_timeout/header_timeout', (socket) => drip(socket, 'HTTP/1.1 200 OK\r\n', 'x')],
    ['begins a body and falls silent', 'upstream_timeout/idle_timeout', (socket) => void socket.write(head('application/json', 50) + '{')],
    [
      'breaks off in the middle of a body',
      'upstream_error/connection_lost',
      (socket) => socket.write(head('application/json', 50) + '{', () => socket.resetAndDestroy()),
    ],
    ['ends before its body is whole', 'upstream_error/connection_lost', (socket) => void socket.end(head('application/json', 50) + '{}')],
    ['closes instead of answering', 'upstream_error/connection_lost', (socket) => void socket.destroy()],
    ['sends more than is allowed', 'upstream_error/response_too_large', (socket) => flood(socket, head('application/json', 10 ** 9), 'x'.repeat(10_000))],
    ['sends headers without end', 'upstream_error/connection_lost', (socket) => flood(socket, 'HTTP/1.1 200 OK\r\n', `x-header: ${'x'.repeat(1000)}\r\n`)],
    ['speaks no HTTP', 'upstream_error/connection_lost', (socket) => void socket.end('220 smtp.example ESMTP\r\n\r\n')],
    ['has two lengths', 'upstream_error/connection_lost', (socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}')],
    ['has a length and chunks', 'upstream_error/connection_lost', (socket) => void socket.end(`${STREAM_HEAD.slice(0, -2)}content-length: 3\r\n\r\n{}`)],
    [
      'upgrades to something else',
      'upstream_error/connection_lost',
      (socket) => void socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
    ],
    [
      'codes its body',
      'upstream_error/bad_answer',
      (socket) => void socket.write(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n${GOOD.slice(GOOD.indexOf('content'))}`),
    ],
    ['answers with HTML', 'upstream_error/bad_answer', (socket) => void socket.write(`${head('text/html', 6)}<html>`)],
    ['fails with HTML', 'upstream_error/bad_status', (socket) => void socket.write(`${head('text/html', 6, '500 Oops')}<html>`)],
    ['wants a sign-in', 'upstream_auth_error/rejected_credentials', (socket) => void socket.write(`${head('text/html', 2, '401 Unauthorized')}{}`)],
    ['forbids it', 'upstream_auth_error/rejected_credentials', (socket) => void socket.write(`${head('application/json', 2, '403 Forbidden')}{}`)],
    ['wants a proxy sign-in', 'upstream_auth_error/rejected_credentials', (socket) => void socket.write(`${head('text/html', 2, '407 Proxy')}{}`)],
    ...[301, 302, 303, 307, 308].map((status): [string, string, Deed] => [
      `redirects with ${status}`,
      'upstream_error/redirect_refused',
      (socket) => void socket.write(`HTTP/1.1 ${status} Elsewhere\r\nlocation: http://169.254.169.254/latest\r\ncontent-length: 0\r\n\r\n`),
    ]),
    ...UNFIT_BODIES.map(([what, body]): [string, string, Deed] => [
      `answers with ${what}`,
      'upstream_error/bad_answer',
      (socket) => void socket.write(json(body)),
    ]),
  ])('an upstream that %s: %s', async (_what, expected, done) => {
    expect(nameOf(await call(done, acceptsEventStream))).toBe(expected);
    expect(requests).toBe(1);
    await expectHealth();
  });

  test.each<[string, string, string]>([
    ['an error for a request that could not be read', '400 Bad Request', '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x"}}'],
    ['a refusal that is no JSON-RPC', '404 Not Found', '{"detail":"no such page"}'],
    ['a refusal that says nothing', '405 Method Not Allowed', ''],
    ['an error', '200 OK', '{"id":1,"error":{"code":-32601,"message":"x"}}'],
    ['spaces and numbers of its own', '200 OK', ' {"result" : {"n":1.0e0, "big":12345678901234567890},"id" : 1 }\n'],
  ])('%s passes as it came', async (_what, status, body) => {
    expect(await call((socket) => void socket.write(json(body, status)), acceptsEventStream)).toMatchObject({
      kind: 'answer',
      head: { status: Number.parseInt(status, 10) },
      text: body,
    });
    await expectHealth();
  });

  test.each<[string, string, Deed]>([
    ['falls silent', 'upstream_timeout/idle_timeout', (socket) => void socket.write(STREAM_HEAD + chunk(': hello\n\n'))],
    ['sends comments for ever', 'upstream_timeout/total_timeout', (socket) => drip(socket, STREAM_HEAD, chunk(':\n\n'))],
    [
      'sends one event without end',
      'upstream_error/response_too_large',
      (socket) => flood(socket, `${STREAM_HEAD}${chunk('data: ')}`, chunk('x'.repeat(10_000))),
    ],
    [
      'sends events without end',
      'upstream_error/response_too_large',
      (socket) => flood(socket, STREAM_HEAD, chunk('data: {"jsonrpc":"2.0","method":"x"}\n\n')),
    ],
    ['breaks off', 'upstream_error/connection_lost', (socket) => socket.write(STREAM_HEAD + chunk('data: {'), () => socket.resetAndDestroy())],
  ])('an event stream that %s: %s', async (_what, expected, done) => {
    expect(nameOf(await call(done, acceptsEventStream))).toBe(expected);
    await expectHealth();
  });
});

describe('the time that a server may take is its own', () => {
  const HEAD = head('application/json', 50);
  test.each<[string, string, ServerLimits, Deed]>([
    ['silence before the answer', 'header_timeout', { headersTimeoutMillis: 200, totalTimeoutMillis: 60_000 }, () => undefined],
    ['silence before the answer, as long as headers may take', 'total_timeout', { headersTimeoutMillis: 60_000, totalTimeoutMillis: 200 }, () => undefined],
    ['silence in the answer', 'idle_timeout', { idleTimeoutMillis: 200, totalTimeoutMillis: 60_000 }, (socket) => void socket.write(`${HEAD}{`)],
    [
      'silence in the answer, as long as it may be',
      'total_timeout',
      { idleTimeoutMillis: 60_000, totalTimeoutMillis: 200 },
      (socket) => void socket.write(`${HEAD}{`),
    ],
    ['an answer that drips', 'total_timeout', { totalTimeoutMillis: 300 }, (socket) => drip(socket, head('application/json', 10 ** 6), ' ')],
  ])('%s: %s', async (_what, reason, limits, done) => {
    expect(nameOf(await call(done, false, { limits }))).toBe(`upstream_timeout/${reason}`);
    await expectHealth();
  });

  test('also for the session that a caller is lent, however busy the line is kept', async () => {
    const wantsSession: Deed = (socket) => {
      deed = (next) => drip(next, head('application/json', 10 ** 6), ' ');
      socket.write(head('application/json', 2, '400 No session') + '{}');
    };
    expect(nameOf(await call(wantsSession, false, { limits: { totalTimeoutMillis: 500 } }))).toBe('upstream_timeout/total_timeout');
  });

  test('and of what a server says when a session is opened, no more is read than an introduction needs', async () => {
    const wantsSession: Deed = (socket) => {
      deed = (next) => flood(next, head('application/json', 10 ** 9), ' '.repeat(10_000));
      socket.write(head('application/json', 2, '400 No session') + '{}');
    };
    expect(await call(wantsSession, false)).toMatchObject({ kind: 'answer', head: { status: 400 } });
  });

  test('also for a connection: one that never comes to speak TLS is none', async () => {
    const limits = { connectTimeoutMillis: 200, totalTimeoutMillis: 60_000 };
    const received = await call(() => undefined, false, { limits, url: endpointUrl.replace('http:', 'https:') });
    expect(nameOf(received)).toBe('upstream_timeout/connect_timeout');
  });

  test('and changes with its configuration, while others keep theirs', async () => {
    const slow: Deed = (socket) => void setTimeout(() => socket.write(GOOD), 300);
    expect(nameOf(await call(slow, false, { limits: { headersTimeoutMillis: 100 } }))).toBe('upstream_timeout/header_timeout');
    expect(await call(slow, false, { limits: { headersTimeoutMillis: 60_000, totalTimeoutMillis: 60_000 } })).toMatchObject({ kind: 'answer', text: ANSWER });
  });
});

describe('an event of a stream that only listens', () => {
  const EVENT_BYTES_MAX = 50_000;
  const listen = (done: Deed, sink: KeepingSink) => {
    deed = done;
    return transport.send(
      upstreamRequest(serverAt(endpointUrl, { eventBytesMax: EVENT_BYTES_MAX }), undefined, { httpMethod: 'GET', acceptsEventStream: true }),
      sink,
    );
  };

  test('ends the stream when it is too large, and nothing beyond its limit was passed on', async () => {
    const sink = new KeepingSink();
    listen((socket) => flood(socket, `${STREAM_HEAD}${chunk('data: ')}`, chunk('x'.repeat(10_000))), sink);
    expect(nameOf(await sink.received)).toBe('upstream_error/response_too_large');
    expect(sink.text.length).toBeLessThanOrEqual(EVENT_BYTES_MAX);
    await expectHealth();
  });

  test('may be one of any number', async () => {
    const sink = new KeepingSink();
    const flight = listen((socket) => flood(socket, STREAM_HEAD, chunk('data: {"jsonrpc":"2.0","method":"x"}\n\n')), sink);
    await eventually(() => (sink.text.length > 10 * EVENT_BYTES_MAX ? true : undefined), 'many events');
    flight.cancel();
    expect(sink.endings).toBe(0);
  });
});

test('a caller that takes JSON alone gets its own answer out of a stream, not one to somebody else', async () => {
  const events = ['{"id":2,"result":{"for":"another"}}', '[{"id":1,"result":{}}]', ANSWER].map((data) => chunk(`data: ${data}\n\n`));
  expect(await call((socket) => void socket.write(STREAM_HEAD + events.join('')), false)).toMatchObject({ kind: 'answer', text: ANSWER });
  const unanswered = await call((socket) => void socket.write(`${STREAM_HEAD}${events[0]}0\r\n\r\n`), false);
  expect(nameOf(unanswered)).toBe('upstream_error/bad_answer');
});

test('a refusal of another request reaches nobody', async () => {
  const refusal = '{"id":2,"error":{"code":-32600,"message":"x"}}';
  expect(nameOf(await call((socket) => void socket.write(json(refusal, '404 Not Found')), false))).toBe('upstream_error/bad_answer');
});

test('what follows an answer on its connection reaches nobody', async () => {
  const smuggled = GOOD.replace(ANSWER, ANSWER.replace('{}', '[]'));
  expect(await call((socket) => void socket.write(GOOD + smuggled), false)).toMatchObject({ kind: 'answer', text: ANSWER });
  await expectHealth();
});

test('cookies and challenges of an upstream do not reach the caller, its retry time does', async () => {
  const answer = `HTTP/1.1 429 Slow down\r\nset-cookie: a=b\r\nwww-authenticate: Bearer\r\nserver: x\r\nretry-after: 7\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`;
  const received = await call((socket) => void socket.write(answer), false);
  expect(received.kind === 'answer' ? received.head : received).toMatchObject({ status: 429, headers: ['retry-after', '7'] });
});

interface CallTerms {
  readonly limits?: ServerLimits;
  readonly url?: string;
}

async function call(done: Deed, acceptsEventStream: boolean, { limits = {}, url = endpointUrl }: CallTerms = {}): Promise<Received> {
  deed = done;
  const sink = new KeepingSink();
  transport.send(upstreamRequest(serverAt(url, limits), toolCall('echo'), { acceptsEventStream, responseBytesMax: RESPONSE_BYTES_MAX }), sink);
  const received = await sink.received;
  expect(sink.endings).toBe(1);
  return received;
}

function serverAt(url: string, limits: ServerLimits): GovernedServer {
  return changed(stdioServer(), { transport: 'STREAMABLE_HTTP', endpointUrl: url, stdioCommand: null, limits: { ...LIMITS, ...limits } });
}

async function expectHealth(): Promise<void> {
  expect(await call((socket) => void socket.write(GOOD), false)).toMatchObject({ kind: 'answer', text: ANSWER });
}

function nameOf(received: Received): string {
  return received.kind === 'failure' ? `${received.refusal.code}/${received.refusal.reason}` : `${received.kind} ${received.text.slice(0, 100)}`;
}

function head(contentType: string, length: number, status = '200 OK'): string {
  return `HTTP/1.1 ${status}\r\ncontent-type: ${contentType}\r\ncontent-length: ${length}\r\n\r\n`;
}

function json(body: string, status?: string): string {
  return head('application/json', Buffer.byteLength(body), status) + body;
}

function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

/** A little, again and again, for as long as the other side listens. */
function drip(socket: Socket, first: string, rest: string): void {
  socket.write(first);
  const timer = setInterval(() => socket.write(rest), 50);
  socket.on('close', () => clearInterval(timer));
}

/** As much as the other side takes. */
function flood(socket: Socket, first: string, rest: string): void {
  socket.write(first);
  const write = () => {
    while (!socket.destroyed && socket.write(rest));
  };
  socket.on('drain', write);
  write();
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0;
}
