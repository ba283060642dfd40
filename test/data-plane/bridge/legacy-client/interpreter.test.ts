/** What goes up for a client with sessions, byte for byte, what comes back, and what the bridge says itself. */
import { describe, expect, test } from 'vitest';
import type { UpstreamRequest } from '../../../../data-plane/transports/transport.ts';
import { startBridgedCaller } from '../../../support/bridged-caller.ts';
import { rpcCall, toolCall } from '../../../support/rpc-call.ts';

const CLAIM = '"io.modelcontextprotocol/protocolVersion":"2026-07-28"';
const INFO = '"io.modelcontextprotocol/clientInfo":{"name":"old","version":"1"}';
const META = `"io.modelcontextprotocol/clientCapabilities":{},${INFO},${CLAIM}`;
const RESULT = '{"jsonrpc":"2.0","id":7,"result":{"resultType":"complete","big":12345678901234567890,"exact":1.0,"huge":1e400}}';

function idOf(text: string): string {
  return /"id":("[^"]*"|\d+)/.exec(text)?.[1] ?? '';
}

describe('a request', () => {
  test.each([
    ['{ "method":"tools/list","id":7,"jsonrpc":"2.0" }', `{"params":{"_meta":{${META}}}, "method":"tools/list","id":7,"jsonrpc":"2.0" }`],
    ['{"jsonrpc":"2.0","id":7,"method":"x/y","params":{ }}', `{"jsonrpc":"2.0","id":7,"method":"x/y","params":{"_meta":{${META}} }}`],
    [
      '{"jsonrpc":"2.0","id":7,"method":"x/y","params":{"n":1e400,"_meta":null}}',
      `{"jsonrpc":"2.0","id":7,"method":"x/y","params":{"n":1e400,"_meta":{${META}}}}`,
    ],
    [
      '{"jsonrpc":"2.0","id":7,"method":"x/y","params":{"_meta":{"progressToken":1.0,"traceparent":"00","vendor/key":12345678901234567890},"a":[1.0]}}',
      `{"jsonrpc":"2.0","id":7,"method":"x/y","params":{"_meta":{${META},"progressToken":1.0,"traceparent":"00","vendor/key":12345678901234567890},"a":[1.0]}}`,
    ],
    [
      '{"jsonrpc":"2.0","id":7,"method":"x/y","params":{"_meta":{"io.modelcontextprotocol/clientInfo":{"name":"forged"},"z":1}}}',
      `{"jsonrpc":"2.0","id":7,"method":"x/y","params":{"_meta":{"io.modelcontextprotocol/clientCapabilities":{},${CLAIM},${INFO},"z":1}}}`,
    ],
  ])('%s goes up with what its session says of the client, and is otherwise the bytes that came', async (given, sent) => {
    const { send, open, calls } = startBridgedCaller();
    const { sink } = send(rpcCall(given), await open());
    expect(calls()[0]?.text).toBe(sent);
    calls()[0]?.answer(RESULT);
    expect(await sink.received).toMatchObject({ kind: 'answer', text: RESULT });
  });

  test('has the headers that repeat it, and keeps none of a session', async () => {
    const { send, open, calls } = startBridgedCaller();
    const forwardedHeaders = ['mcp-protocol-version', '2025-06-18', 'traceparent', '00-1', 'last-event-id', '4'];
    send(rpcCall('{"jsonrpc":"2.0","id":7,"method":"resources/read","params":{"uri":"file:///ö"}}'), { ...(await open()), forwardedHeaders });
    const request: Partial<UpstreamRequest> | undefined = calls()[0]?.request;
    const uri = `=?base64?${Buffer.from('file:///ö').toString('base64')}?=`;
    const standard = ['mcp-protocol-version', '2026-07-28', 'mcp-method', 'resources/read', 'mcp-name', uri];
    expect(request?.forwardedHeaders).toEqual([...standard, 'traceparent', '00-1']);
    expect(request).toMatchObject({ upstreamSessionId: undefined, introduction: undefined });
  });

  test('with params that are no object has no place for metadata', async () => {
    const { send, open } = startBridgedCaller();
    const { sink } = send(rpcCall('{"jsonrpc":"2.0","id":7,"method":"x/y","params":[1]}'), await open());
    expect(await sink.received).toMatchObject({ kind: 'failure', refusal: { reason: 'invalid_jsonrpc' } });
  });

  test.each(['tasks/get', 'subscriptions/listen'])('of %s has no counterpart', async (method) => {
    const { send, open } = startBridgedCaller();
    const { sink } = send(rpcCall(`{"jsonrpc":"2.0","id":7,"method":"${method}","params":{}}`), await open());
    expect(await sink.received).toMatchObject({ kind: 'failure', refusal: { code: 'not_bridgeable', reason: 'method_without_counterpart' } });
  });
});

describe('an answer', () => {
  test('may be an event stream, whose events pass as they came', async () => {
    const { send, open, calls } = startBridgedCaller();
    const { sink } = send(toolCall('echo', {}, '7'), await open());
    const progress = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1.0}}';
    calls()[0]?.stream(progress, RESULT);
    expect(await sink.received).toMatchObject({ kind: 'stream', text: `event: message\ndata: ${progress}\n\nevent: message\ndata: ${RESULT}\n\n` });
  });

  test('that is an error has its status in the body alone, and the id of its request', async () => {
    const { send, open, calls } = startBridgedCaller();
    const { sink } = send(toolCall('echo', {}, '7'), await open());
    calls()[0]?.answer('{"jsonrpc":"2.0","id":null,"error":{"code":-32601,"message":"none"}}', {
      status: 404,
      headers: ['mcp-protocol-version', '2026-07-28'],
    });
    const body = '{"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"none"}}';
    expect(await sink.received).toMatchObject({ head: { status: 200, headers: [] }, text: body });
  });

  test.each([
    [404, '<html>', 'bad_status'],
    [202, '', 'bad_answer'],
  ])('with status %i and the body "%s" is none', async (status, body, reason) => {
    const { send, open, calls } = startBridgedCaller();
    const { sink } = send(toolCall('echo', {}, '7'), await open());
    calls()[0]?.answer(body, { status });
    expect(await sink.received).toMatchObject({ kind: 'failure', refusal: { code: 'upstream_error', reason } });
  });
});

describe('the bridge itself', () => {
  test.each([
    ['ping', '{}', '{"jsonrpc":"2.0","id":7,"result":{}}'],
    ['logging/setLevel', '{"level":"error"}', '{"jsonrpc":"2.0","id":7,"result":{}}'],
    ['logging/setLevel', '{"level":"loud"}', '{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"there is no such log level"}}'],
    ['resources/subscribe', '{"uri":"a://b"}', '{"jsonrpc":"2.0","id":7,"result":{}}'],
    ['resources/unsubscribe', '{}', '{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"uri must be a string"}}'],
  ])('answers %s %s', async (method, params, answer) => {
    const { send, open, calls } = startBridgedCaller();
    const { sink } = send(rpcCall(`{"jsonrpc":"2.0","id":7,"method":"${method}","params":${params}}`), await open());
    expect(await sink.received).toMatchObject({ kind: 'answer', text: answer });
    expect(calls()).toEqual([]);
  });

  test('says with each request which log the client wishes for', async () => {
    const { send, open, calls } = startBridgedCaller();
    const session = await open();
    send(rpcCall('{"jsonrpc":"2.0","id":7,"method":"logging/setLevel","params":{"level":"error"}}'), session);
    send(toolCall('echo'), session);
    expect(calls()[0]?.text).toContain('"io.modelcontextprotocol/logLevel":"error"');
  });

  test.each(['notifications/initialized', 'notifications/roots/list_changed', 'notifications/vendor'])('takes %s, which no server would', async (method) => {
    const { send, open, calls } = startBridgedCaller();
    const { sink } = send(rpcCall(`{"jsonrpc":"2.0","method":"${method}"}`), await open());
    expect(await sink.received).toMatchObject({ head: { status: 202 }, text: '' });
    expect(calls()).toEqual([]);
  });
});

describe('a call that its caller cancels', () => {
  const cancelled = (id: string) => rpcCall(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id}}}`);

  test('is stopped on its way and ends', async () => {
    const { send, open, calls } = startBridgedCaller();
    const session = await open();
    const { sink } = send(toolCall('hang', {}, '"a\\u0062"'), session);
    expect(await send(cancelled('"ab"'), session).sink.received).toMatchObject({ head: { status: 202 } });
    expect(await sink.received).toMatchObject({ kind: 'failure', refusal: { code: 'client_closed_request' } });
    expect(calls()[0]?.isCancelled).toBe(true);
  });

  test('is meant only within its own session, and only when no other has its id', async () => {
    const { send, open, calls } = startBridgedCaller();
    const [session, other] = [await open(), await open()];
    send(toolCall('hang', {}, '1'), session);
    send(cancelled('1'), other);
    send(toolCall('hang', {}, '1'), session);
    send(cancelled('1'), session);
    expect(calls().map(({ isCancelled }) => isCancelled)).toEqual([false, false]);
  });
});

describe('a batch', () => {
  test('goes up message by message, and comes back as one', async () => {
    const { send, open, calls, inner } = startBridgedCaller();
    const messages = [
      '{"jsonrpc":"2.0","method":"notifications/initialized"}',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}',
      '{"jsonrpc":"2.0","id":2,"method":"tasks/list"}',
      '{"jsonrpc":"2.0","id":"p","method":"ping"}',
    ];
    const { sink } = send(rpcCall(` [${messages.join(', ')}]`), await open());
    const sent = await inner.at(2);
    expect([calls().length, sent.header('mcp-name'), idOf(sent.text)]).toEqual([1, 'echo', '1']);
    sent.answer('{"jsonrpc":"2.0","id":1,"result":{"n":1.0}}');
    const received = await sink.received;
    expect(received.text).toContain('{"jsonrpc":"2.0","id":1,"result":{"n":1.0}}');
    expect(JSON.parse(received.text)).toMatchObject([
      { id: 2, error: { code: -32_601 } },
      { id: 'p', result: {} },
      { id: 1, result: { n: 1 } },
    ]);
  });

  test('of nothing but notifications is accepted', async () => {
    const { send, open } = startBridgedCaller();
    const { sink } = send(rpcCall('[{"jsonrpc":"2.0","method":"notifications/initialized"}]'), await open());
    expect(await sink.received).toMatchObject({ head: { status: 202 }, text: '' });
  });

  test('whose answers together are too large is given up', async () => {
    const { send, open, calls } = startBridgedCaller();
    const message = (id: number) => `{"jsonrpc":"2.0","id":${id},"method":"tools/list"}`;
    const { sink } = send(rpcCall(`[${message(1)},${message(2)},${message(3)}]`), { ...(await open()), responseBytesMax: 100 });
    for (const id of [1, 2]) calls()[id - 1]?.answer(`{"jsonrpc":"2.0","id":${id},"result":{"text":"some fifty characters of it all"}}`);
    expect(await sink.received).toMatchObject({ kind: 'failure', refusal: { reason: 'response_too_large' } });
    expect(calls()[2]?.isCancelled).toBe(true);
  });
});
