/** A session of a caller's outlives the one that its server has forgotten, on every node, unless the caller ended it. */
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { MemorySessionBook } from '../../../data-plane/sessions/memory-session-book.ts';
import { SessionBookUnavailable, type SessionBook } from '../../../data-plane/sessions/session-book.ts';
import { createStreamableHttpTransport } from '../../../data-plane/transports/streamable-http.ts';
import type { Transport, UpstreamRequest } from '../../../data-plane/transports/transport.ts';
import { UpstreamPools } from '../../../data-plane/transports/upstream-pools.ts';
import { systemClock } from '../../../shared/clock.ts';
import { JSON_COMPLAINT, startForgetfulUpstream, type ForgetfulOptions, type ForgetfulUpstream } from '../../support/forgetful-upstream.ts';
import { rpcCall, toolCall } from '../../support/rpc-call.ts';
import { send, stdioServer, upstreamRequest, type Received } from '../../support/stdio-caller.ts';

const INTRODUCTION = { protocolVersion: '2025-11-25', capabilities: { sampling: {} }, clientInfo: { name: 'client', version: '7' } };
const FORGOTTEN = { kind: 'answer', head: { status: 404 } };

let upstream: ForgetfulUpstream;
let book: SessionBook;
let node: Transport;
let otherNode: Transport;
/** The server's id of the session, as the caller's carries it. */
let sessionId: string;

beforeEach(() => begin({}));
afterEach(() => upstream.close());

async function begin(options: ForgetfulOptions): Promise<void> {
  await upstream?.close();
  upstream = await startForgetfulUpstream(options);
  book = new MemorySessionBook(systemClock);
  [node, otherNode] = [openNode(), openNode()];
  sessionId = await openedSession();
}

function openNode(): Transport {
  const pools = new UpstreamPools({ connectionsMax: 10, streamsMax: 10, privateCidrs: undefined });
  const transport = createStreamableHttpTransport(pools, pino({ level: 'silent' }), book);
  onTestFinished(() => transport.close());
  return transport;
}

async function openedSession(): Promise<string> {
  const call = rpcCall(JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params: INTRODUCTION }));
  const received = await send(node, upstreamRequest(serverAt(upstream.url), call)).received;
  return received.kind === 'answer' ? (received.head.upstreamSessionId ?? '') : '';
}

function serverAt(endpointUrl: string) {
  const server = stdioServer();
  return { ...server, config: { ...server.config, transport: 'STREAMABLE_HTTP' as const, endpointUrl, stdioCommand: null } };
}

/** Sends in the caller's session, an echo unless something else is said. */
function ask(transport: Transport, changes: Partial<UpstreamRequest> = {}): Promise<Received> {
  const own = { upstreamSessionId: sessionId, introduction: JSON.stringify(INTRODUCTION), forwardedHeaders: ['mcp-protocol-version', '2025-11-25'] };
  return send(transport, upstreamRequest(serverAt(upstream.url), toolCall('echo'), { ...own, ...changes })).received;
}

const GET = { httpMethod: 'GET', call: undefined, acceptsEventStream: true } as const;
const DELETE = { httpMethod: 'DELETE', call: undefined } as const;

async function sessionOf(received: Promise<Received>): Promise<string> {
  const { text } = await received;
  const { result }: { result: { sessionId: string } } = JSON.parse(text);
  return result.sessionId;
}

test('a forgotten session is opened again as its client introduced itself, and goes on on every node', async () => {
  upstream.forget();
  const fresh = await sessionOf(ask(node));
  expect(fresh).not.toBe(sessionId);
  expect(await sessionOf(ask(node))).toBe(fresh);
  expect(await sessionOf(ask(otherNode))).toBe(fresh);
  expect(upstream.introductions).toEqual([INTRODUCTION, INTRODUCTION]);
  expect(upstream.taken[0]?.text).toContain('notifications/initialized');
});

test('it is healed as often as it is forgotten, also by a node that knows of none of it', async () => {
  upstream.forget();
  await ask(node);
  upstream.forget();
  const third = await sessionOf(ask(otherNode));
  expect(await sessionOf(ask(node))).toBe(third);
  expect(upstream.openSessions).toEqual(new Set([third]));
});

test('what became of the session of one key is nothing to another, to which the server gave the same id', async () => {
  upstream.forget();
  const fresh = await sessionOf(ask(node));
  expect(await sessionOf(ask(node, { apiKeyId: 'key_2' }))).not.toBe(fresh);
  await ask(node, DELETE);
  expect(await ask(node, { apiKeyId: 'key_2' })).toMatchObject({ kind: 'answer', head: { status: 200 } });
});

test('however many requests find out at once, one session is opened', async () => {
  upstream.forget();
  const sessions = await Promise.all(Array.from({ length: 20 }, () => sessionOf(ask(node))));
  expect(new Set(sessions).size).toBe(1);
  expect(upstream.introductions).toHaveLength(2);
});

test('two nodes that find out at once agree on one session, and the other one is ended', async () => {
  upstream.forget();
  const sessions = await Promise.all([sessionOf(ask(node)), sessionOf(ask(otherNode))]);
  expect(new Set(sessions)).toEqual(upstream.openSessions);
});

test.each([
  ['a notification', '{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}'],
  ['a response', '{"jsonrpc":"2.0","id":"asked","result":{}}'],
])('%s reaches the new session', async (_what, text) => {
  upstream.forget();
  expect(await ask(node, { call: rpcCall(text) })).toMatchObject({ kind: 'answer', head: { status: 202 } });
  expect(upstream.taken.at(-1)?.text).toBe(text);
});

test('a stream is opened in the new session, without an event of the old one to go on from', async () => {
  const resuming = { ...GET, forwardedHeaders: ['mcp-protocol-version', '2025-11-25', 'last-event-id', 'old'] };
  upstream.forget();
  expect(await ask(node, resuming)).toMatchObject({ kind: 'stream', head: { status: 200 } });
  expect(await ask(node, resuming)).toMatchObject({ kind: 'stream', head: { status: 200 } });
  await ask(node, { ...resuming, forwardedHeaders: ['last-event-id', 'new'] });
  expect(upstream.taken.filter(({ httpMethod }) => httpMethod === 'GET').map(({ lastEventId }) => lastEventId)).toEqual([undefined, undefined, 'new']);
});

describe('a server that says it in another way', () => {
  test.each([
    ['server-everything', 400, 'application/json', '{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: No valid session ID provided"}}'],
    [
      'an SDK server before its first client',
      400,
      'application/json',
      '{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: Server not initialized"},"id":null}',
    ],
    ['one that speaks plain text', 404, 'text/plain', 'session not found'],
    ['one that speaks plain text with the other status', 400, 'text/plain; charset=utf-8', 'Bad Request: No valid session ID provided'],
  ])('%s is understood', async (_who, status, contentType, body) => {
    await begin({ complaint: { status, contentType, body } });
    upstream.forget();
    expect(await sessionOf(ask(node))).not.toBe(sessionId);
  });

  test.each([
    [404, '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}}'],
    [400, '{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"the argument session is missing"}}'],
    [400, '{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no such event"}}'],
  ])('a %i that is about something else stands: %s', async (status, body) => {
    await begin({ complaint: { ...JSON_COMPLAINT, status, body } });
    upstream.forget();
    expect(await ask(node)).toMatchObject({ kind: 'answer', head: { status }, text: body });
    expect(upstream.introductions).toHaveLength(1);
  });
});

test.each([{}, GET])('of what a server says no more is read than an answer may have: %o', async (changes) => {
  await begin({ complaint: { status: 404, contentType: 'text/plain', body: 'x'.repeat(100_000) } });
  upstream.forget();
  const tooLarge = { kind: 'failure', refusal: { code: 'upstream_error', reason: 'response_too_large' } };
  expect(await ask(node, { ...changes, responseBytesMax: 1000 })).toMatchObject(tooLarge);
});

describe('the 404 stands', () => {
  test('for a client whose introduction was not kept', async () => {
    upstream.forget();
    expect(await ask(node, { introduction: undefined })).toMatchObject({ ...FORGOTTEN, text: JSON_COMPLAINT.body });
  });

  test.each([
    ['does not take its client any more', { introducesAgain: false }],
    ['agrees on another revision', { laterRevision: '2025-06-18' }],
  ])('for a server that %s', async (_what, options) => {
    await begin(options);
    upstream.forget();
    expect(await ask(node)).toMatchObject(FORGOTTEN);
    expect(upstream.openSessions.size).toBe(0);
  });

  test('while the book cannot be asked, and no session is left over', async () => {
    const away = new SessionBookUnavailable('away');
    upstream.forget();
    book.find = () => Promise.reject(away);
    expect(await ask(node)).toMatchObject(FORGOTTEN);
    book.find = () => Promise.resolve(undefined);
    book.heal = () => Promise.reject(away);
    expect(await ask(node)).toMatchObject(FORGOTTEN);
    expect(upstream.openSessions.size).toBe(0);
  });
});

test.each([
  ['ended', ['one', 'one'], () => ask(node, DELETE)],
  ['healed', ['one', 'two', 'one'], () => (upstream.forget(), ask(node))],
])('an id that a server gives once more, after a session that had it was %s, is that of the new one', async (_what, ids, befall) => {
  const remaining = [...ids];
  await begin({ newSessionId: () => remaining.shift() ?? 'none is left' });
  await befall();
  expect(await openedSession()).toBe('one');
  expect(await sessionOf(ask(node))).toBe('one');
});

describe('a session that its caller ended', () => {
  const ended = { kind: 'failure', refusal: { code: 'mcp_not_found', reason: 'unknown_session' } };

  test('stays ended on both nodes', async () => {
    expect(await ask(node, DELETE)).toMatchObject({ kind: 'answer', head: { status: 200 } });
    expect(await ask(node)).toMatchObject(ended);
    expect(await ask(otherNode)).toMatchObject(FORGOTTEN);
    expect(upstream.introductions).toHaveLength(1);
  });

  test('is ended where it went on, also by a node that does not know where that is', async () => {
    upstream.forget();
    await ask(node);
    expect(await ask(otherNode, DELETE)).toMatchObject({ kind: 'answer', head: { status: 200 } });
    expect(upstream.openSessions.size).toBe(0);
    expect(await ask(node)).toMatchObject(FORGOTTEN);
    expect(upstream.introductions).toHaveLength(2);
  });

  test('is not opened in order to be ended', async () => {
    upstream.forget();
    expect(await ask(node, DELETE)).toMatchObject(FORGOTTEN);
    expect(upstream.introductions).toHaveLength(1);
    expect(await ask(otherNode)).toMatchObject(FORGOTTEN);
  });
});
