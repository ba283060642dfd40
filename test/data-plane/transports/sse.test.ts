/** The HTTP+SSE transport: each session has a connection of its own, and each message finds the one caller that it is for. */
import { describe, expect, test } from 'vitest';
import type { Transport } from '../../../data-plane/transports/transport.ts';
import type { ServerLimits } from '../../../shared/server-limits.ts';
import { eventually } from '../../support/processes.ts';
import { rpcCall, toolCall } from '../../support/rpc-call.ts';
import { INITIALIZE, openSession, openSseTransport, sseServer } from '../../support/sse-caller.ts';
import { echo, INITIALIZE_RESULT, startSseUpstream, type SseUpstream } from '../../support/sse-upstream.ts';
import { KeepingSink, limited, resultOf, send, upstreamRequest } from '../../support/stdio-caller.ts';

const UNKNOWN_SESSION = { kind: 'failure', refusal: { status: 404, code: 'mcp_not_found', reason: 'unknown_session' } };
const EVENTS = { acceptsEventStream: true };
const initialized = rpcCall('{"jsonrpc":"2.0","method":"notifications/initialized"}');

/** The messages of an event stream that reached a caller. */
const messagesIn = (text: string): unknown[] =>
  text.split('\n\n').flatMap((event) => (event === '' ? [] : [JSON.parse(event.replace('event: message\ndata: ', ''))]));
const whenPosted = (upstream: SseUpstream, method: string) => eventually(() => upstream.posted.find((message) => message.method === method), `a ${method}`);
const whenAllClosed = (upstream: SseUpstream) => eventually(() => (upstream.openStreams() === 0 ? true : undefined), 'the end of every connection');
const failureOf = (transport: Transport, url: string, limits: ServerLimits = {}) =>
  send(transport, upstreamRequest(limited(sseServer(url), limits), toolCall('echo'))).received;

describe('a session', () => {
  test('is a connection of its own, and later messages go over it', async () => {
    const upstream = await startSseUpstream({ hear: echo });
    const transport = openSseTransport();
    const server = sseServer(upstream.url);
    const [first, second] = [await openSession(transport, server), await openSession(transport, server)];
    for (const [session, connection] of [
      [second, 2],
      [first, 1],
    ] as const) {
      expect(await session.post(initialized).received).toMatchObject({ kind: 'answer', head: { status: 202 }, text: '' });
      expect(JSON.parse((await session.post(toolCall('echo')).received).text)).toMatchObject({ id: 1, result: { connection } });
    }
    expect(upstream.posted.map(({ connection, method }) => `${connection} ${method}`)).toEqual([
      '1 initialize',
      '2 initialize',
      '2 notifications/initialized',
      '2 tools/call',
      '1 notifications/initialized',
      '1 tools/call',
    ]);
  });

  test('is opened with what the caller said, and the server’s answer is the caller’s', async () => {
    const upstream = await startSseUpstream();
    const answer = await send(openSseTransport(), upstreamRequest(sseServer(upstream.url), INITIALIZE)).received;
    expect(JSON.parse(answer.text)).toEqual({ jsonrpc: '2.0', id: 'hello', result: INITIALIZE_RESULT });
    expect(upstream.posted[0]?.params).toEqual(INITIALIZE.messages[0].value['params']);
  });

  test('is not opened by a server that refuses, whose answer is passed on', async () => {
    const upstream = await startSseUpstream({
      hear: ({ id }, stream) => {
        stream.send({ jsonrpc: '2.0', id, error: { code: -32602, message: 'Unsupported protocol version' } });
        return true;
      },
    });
    const answer = await send(openSseTransport(), upstreamRequest(sseServer(upstream.url), INITIALIZE)).received;
    expect(answer).toMatchObject({ kind: 'answer', head: { upstreamSessionId: undefined } });
    expect(JSON.parse(answer.text)).toMatchObject({ id: 'hello', error: { code: -32602 } });
    await whenAllClosed(upstream);
  });

  test('belongs to its key and its server', async () => {
    const upstream = await startSseUpstream({ hear: echo });
    const transport = openSseTransport();
    const server = sseServer(upstream.url);
    const session = await openSession(transport, server);
    const other = sseServer(upstream.url, { id: 'srv_2' });
    expect(await session.post(toolCall('echo'), { apiKeyId: 'key_2' }).received).toMatchObject(UNKNOWN_SESSION);
    expect(await session.post(toolCall('echo'), { server: other }).received).toMatchObject(UNKNOWN_SESSION);
    expect(await session.post(toolCall('echo')).received).toMatchObject({ kind: 'answer' });
  });

  test('ends with DELETE, and is unknown afterwards', async () => {
    const upstream = await startSseUpstream();
    const session = await openSession(openSseTransport(), sseServer(upstream.url));
    const [held, stream] = [session.post(toolCall('hold')), session.listen()];
    expect(await session.end().received).toMatchObject({ kind: 'answer', head: { status: 200 } });
    expect(await held.received).toMatchObject({ refusal: { code: 'client_closed_request' } });
    expect(await stream.received).toMatchObject({ kind: 'stream', text: '' });
    await whenAllClosed(upstream);
    for (const late of [session.post(toolCall('echo')), session.listen(), session.end()]) expect(await late.received).toMatchObject(UNKNOWN_SESSION);
  });

  test('ends with its connection: calls and stream fail at once, and the caller is told to start over', async () => {
    const upstream = await startSseUpstream();
    const session = await openSession(openSseTransport(), sseServer(upstream.url));
    const underWay = [session.post(toolCall('hold')), session.post(toolCall('hold')), session.listen()];
    await eventually(() => (upstream.posted.length === 3 ? true : undefined), 'both calls');
    upstream.streams[0]?.cut();
    for (const { received } of underWay) {
      expect(await received).toMatchObject({ kind: 'failure', refusal: { status: 502, code: 'upstream_error', reason: 'connection_lost' } });
    }
    expect(await session.post(toolCall('echo')).received).toMatchObject(UNKNOWN_SESSION);
  });

  test('ends when the server knows it no more', async () => {
    const upstream = await startSseUpstream({ statusOf: ({ method }) => (method === 'tools/call' ? 404 : 202) });
    const session = await openSession(openSseTransport(), sseServer(upstream.url));
    expect(await session.post(toolCall('echo')).received).toMatchObject(UNKNOWN_SESSION);
    await whenAllClosed(upstream);
  });

  test('ends when nobody has used it for a while, but not while its caller listens', async () => {
    const upstream = await startSseUpstream({ hear: echo });
    const transport = openSseTransport({ idleMillis: 400 });
    const [idle, listening] = [await openSession(transport, sseServer(upstream.url)), await openSession(transport, sseServer(upstream.url))];
    const stream = listening.listen();
    await eventually(() => (upstream.openStreams() === 1 ? true : undefined), 'the end of the idle connection');
    expect(await idle.post(toolCall('echo')).received).toMatchObject(UNKNOWN_SESSION);
    expect(await listening.post(toolCall('echo')).received).toMatchObject({ kind: 'answer' });
    stream.flight.cancel();
    await whenAllClosed(upstream);
  });

  test('is kept when only rules of its server change, and ends when the server is reached differently', async () => {
    const upstream = await startSseUpstream({ hear: echo });
    const transport = openSseTransport();
    const session = await openSession(transport, sseServer(upstream.url));
    transport.retire('srv_1');
    expect(await session.post(toolCall('echo'), { server: sseServer(upstream.url) }).received).toMatchObject({ kind: 'answer' });
    const signsIn = sseServer(upstream.url, { authHeaders: ['authorization', 'Bearer other'] });
    expect(await session.post(toolCall('echo'), { server: signsIn }).received).toMatchObject(UNKNOWN_SESSION);
    await whenAllClosed(upstream);
  });
});

describe('what a server says beside its answers', () => {
  const note = (text: string) => ({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: text } });

  test('goes over the stream that the caller holds open, and waits for it', async () => {
    const upstream = await startSseUpstream();
    const session = await openSession(openSseTransport(), sseServer(upstream.url));
    upstream.streams[0]?.send(note('early'));
    const other = await openSession(openSseTransport(), sseServer(upstream.url));
    const [{ sink }, { sink: otherSink }] = [session.listen(), other.listen()];
    const call = session.post(toolCall('hold'), EVENTS);
    upstream.streams[0]?.send(note('late'));
    upstream.streams[1]?.send(note('for the other'));
    await eventually(() => (sink.text.includes('late') && otherSink.text.includes('other') ? true : undefined), 'the messages');
    expect(messagesIn(sink.text)).toEqual([note('early'), note('late')]);
    expect(messagesIn(otherSink.text)).toEqual([note('for the other')]);
    expect(call.sink.text).toBe('');
  });

  test('goes over the stream of a call when that is the only one', async () => {
    const upstream = await startSseUpstream({
      hear: ({ id, method }, stream) => {
        if (method !== 'tools/call') return;
        stream.send(note('working'));
        stream.send({ jsonrpc: '2.0', id, result: {} });
      },
    });
    const session = await openSession(openSseTransport(), sseServer(upstream.url));
    const { text } = await session.post(toolCall('work'), EVENTS).received;
    expect(messagesIn(text)).toEqual([note('working'), { jsonrpc: '2.0', id: 1, result: {} }]);
    expect(session.listen().sink.text).toBe('');
  });

  test('goes to the newest of two streams, and the older one ends', async () => {
    const upstream = await startSseUpstream();
    const session = await openSession(openSseTransport(), sseServer(upstream.url));
    const [older, newer] = [session.listen(), session.listen()];
    expect(await older.received).toMatchObject({ kind: 'stream', text: '' });
    upstream.streams[0]?.send(note('once'));
    await eventually(() => (newer.sink.text === '' ? undefined : true), 'the message');
  });

  test('is asked of the caller, whose answer goes back byte for byte, and only once', async () => {
    const upstream = await startSseUpstream();
    const session = await openSession(openSseTransport(), sseServer(upstream.url));
    const { sink } = session.listen();
    const question = { jsonrpc: '2.0', id: 'q/1', method: 'roots/list' };
    upstream.streams[0]?.send(question);
    await eventually(() => (sink.text === '' ? undefined : true), 'the question');
    expect(messagesIn(sink.text)).toEqual([question]);
    const answer = '{"jsonrpc":"2.0", "result":{"roots":[], "n":1.0},"id":"q\\/1"}';
    expect(await session.post(rpcCall(answer)).received).toMatchObject({ kind: 'answer', head: { status: 202 } });
    expect(upstream.posted.at(-1)?.body).toBe(answer);
    expect(await session.post(rpcCall(answer)).received).toMatchObject({ refusal: { status: 400, code: 'invalid_request' } });
  });

  test('keeps the stream of the caller alive, when it is but a comment', async () => {
    const upstream = await startSseUpstream();
    const session = await openSession(openSseTransport(), sseServer(upstream.url));
    const { sink } = session.listen();
    upstream.streams[0]?.write(': ping\n\n');
    await eventually(() => (sink.text === ':\n\n' ? true : undefined), 'a comment');
  });

  test('waits within bounds, of which the newest are kept', async () => {
    const upstream = await startSseUpstream({ hear: echo });
    const session = await openSession(openSseTransport({ heldMessagesMax: 2 }), sseServer(upstream.url));
    for (const text of ['one', 'two', 'three']) upstream.streams[0]?.send(note(text));
    await session.post(toolCall('echo')).received;
    expect(messagesIn(session.listen().sink.text)).toEqual([note('two'), note('three')]);
  });

  test('is not read faster than the caller reads', async () => {
    const upstream = await startSseUpstream();
    const session = await openSession(openSseTransport(), sseServer(upstream.url));
    let hasRoom = false;
    const { sink, flight } = session.listen(new KeepingSink(() => hasRoom));
    const [events, size] = [64, 512 * 1024];
    for (let count = 0; count < events; count++) upstream.streams[0]?.send(note('x'.repeat(size)));
    await eventually(() => (sink.text === '' ? undefined : true), 'the first message');
    // Another connection's whole round trip: time enough for a reader that does not pause.
    await resultOf(openSseTransport(), sseServer((await startSseUpstream({ hear: echo })).url), toolCall('echo'));
    expect(sink.text.length).toBeLessThan((events * size) / 2);
    hasRoom = true;
    flight.resume();
    await eventually(() => (messagesIn(sink.text).length === events ? true : undefined), 'all messages');
  });
});

describe('callers without a session', () => {
  test('share a connection with those of their key alone, which the gateway has initialised', async () => {
    const upstream = await startSseUpstream({ hear: echo });
    const transport = openSseTransport();
    const ask = async (apiKeyId: string) =>
      JSON.parse(await send(transport, upstreamRequest(sseServer(upstream.url), toolCall('echo'), { apiKeyId })).received.then(({ text }) => text)).result
        .connection;
    expect(await Promise.all([ask('key_1'), ask('key_1')])).toEqual([1, 1]);
    expect(await ask('key_2')).toBe(2);
    expect(await ask('key_1')).toBe(1);
    const [initialize, confirmation] = upstream.posted.filter(({ connection }) => connection === 1);
    expect(initialize).toMatchObject({ method: 'initialize', params: { capabilities: {}, clientInfo: { name: 'turnpike' } } });
    expect(confirmation).toMatchObject({ method: 'notifications/initialized' });
  });

  test('hear nothing but answers: the server is told that there is nobody to ask', async () => {
    const upstream = await startSseUpstream({
      hear: ({ id, method }, stream) => {
        if (method !== 'tools/call') return;
        stream.send({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
        stream.send({ jsonrpc: '2.0', id: 'p', method: 'ping' });
        stream.send({ jsonrpc: '2.0', id: 7, method: 'sampling/createMessage' });
        stream.send({ jsonrpc: '2.0', id, result: {} });
      },
    });
    const { text } = await send(openSseTransport(), upstreamRequest(sseServer(upstream.url), toolCall('ask'), EVENTS)).received;
    expect(text).toBe('{"jsonrpc":"2.0","id":1,"result":{}}');
    await eventually(() => (upstream.posted.length === 5 ? true : undefined), 'both answers');
    const answers = upstream.posted.slice(3).map(({ body }): unknown => JSON.parse(body));
    expect(answers).toContainEqual({ jsonrpc: '2.0', id: 'p', result: {} });
    expect(answers).toContainEqual({ jsonrpc: '2.0', id: 7, error: { code: -32601, message: 'Method not found' } });
  });

  test('have neither a stream nor anything to end, and notify nobody', async () => {
    const upstream = await startSseUpstream();
    const transport = openSseTransport();
    const server = sseServer(upstream.url);
    for (const httpMethod of ['GET', 'DELETE'] as const) {
      expect(await send(transport, upstreamRequest(server, undefined, { httpMethod })).received).toMatchObject({ refusal: { status: 405 } });
    }
    expect(await send(transport, upstreamRequest(server, initialized)).received).toMatchObject({ kind: 'answer', head: { status: 202 } });
    expect(upstream.streams).toEqual([]);
  });

  test('are served again over a new connection when the old one has broken', async () => {
    const upstream = await startSseUpstream({ hear: echo });
    const transport = openSseTransport();
    const server = sseServer(upstream.url);
    expect(await resultOf(transport, server, toolCall('echo'))).toMatchObject({ connection: 1 });
    upstream.streams[0]?.cut();
    const again = () => resultOf(transport, server, toolCall('echo'));
    expect(await eventually(async () => ((await again())['connection'] === 2 ? true : undefined), 'a new connection')).toBe(true);
  });

  test('are not kept by a configuration that is no longer in force', async () => {
    const upstream = await startSseUpstream({ hear: echo });
    const transport = openSseTransport();
    await resultOf(transport, sseServer(upstream.url), toolCall('echo'));
    transport.retire('srv_2');
    expect(upstream.openStreams()).toBe(1);
    transport.retire('srv_1');
    await whenAllClosed(upstream);
  });

  test('who are under way when the configuration changes get their answers', async () => {
    const upstream = await startSseUpstream();
    const transport = openSseTransport();
    const { received } = send(transport, upstreamRequest(sseServer(upstream.url), toolCall('slow')));
    const { id } = await whenPosted(upstream, 'tools/call');
    transport.retire('srv_1');
    const moved = sseServer(upstream.url, { authHeaders: ['authorization', 'Bearer new'] });
    const { received: next } = send(transport, upstreamRequest(moved, toolCall('slow')));
    await eventually(() => (upstream.posted.filter(({ method }) => method === 'tools/call').length === 2 ? true : undefined), 'the other call');
    upstream.streams[0]?.send({ jsonrpc: '2.0', id, result: { by: 'the old one' } });
    expect((await received).text).toContain('the old one');
    await eventually(() => (upstream.openStreams() === 1 ? true : undefined), 'the end of the old connection');
    upstream.streams[1]?.send({ jsonrpc: '2.0', id: upstream.posted.at(-1)?.id, result: { by: 'the new one' } });
    expect((await next).text).toContain('the new one');
  });
});

describe('a call', () => {
  test('gets its own answer among 200 with the same id', async () => {
    const upstream = await startSseUpstream({ hear: echo });
    const transport = openSseTransport();
    const server = sseServer(upstream.url);
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => send(transport, upstreamRequest(server, toolCall('echo', { index }, '"same"'))).received),
    );
    expect(answers.map(({ text }) => JSON.parse(text))).toEqual(
      Array.from({ length: 200 }, (_, index) => ({
        jsonrpc: '2.0',
        id: 'same',
        result: { connection: 1, content: [{ type: 'text', text: `{"index":${index}}` }] },
      })),
    );
  });

  test('passes byte for byte in both directions, but for its id', async () => {
    const upstream = await startSseUpstream({
      hear: ({ id, method }, stream) => {
        if (method === 'tools/call')
          stream.write(
            `event: message\r\ndata: {"result":{"n":12345678901234567890,"f":1.0,"s":"\u2028é"},\r\ndata: "id": ${String(id)},"jsonrpc":"2.0"}\r\n\r\n`,
          );
      },
    });
    const body = '{"params":{"arguments":{"n":1.50,"s":"\\u0041"},"name":"echo"},"id": "a\\u0062" ,"method":"tools/call","jsonrpc":"2.0"}';
    const { text } = await send(openSseTransport(), upstreamRequest(sseServer(upstream.url), rpcCall(body))).received;
    expect(text).toBe('{"result":{"n":12345678901234567890,"f":1.0,"s":"\u2028é"}, "id": "a\\u0062","jsonrpc":"2.0"}');
    const heard = await whenPosted(upstream, 'tools/call');
    expect(heard.id).toBeTypeOf('number');
    expect(heard.body.trimEnd()).toBe(body.replace('"a\\u0062"', String(heard.id)));
  });

  test('hears of its progress with its own token, when its caller takes events', async () => {
    const upstream = await startSseUpstream({
      hear: ({ id, method, params }, stream) => {
        if (method !== 'tools/call') return;
        const { progressToken } = Object(params['_meta']);
        stream.send({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress: 1 } });
        stream.send({ jsonrpc: '2.0', id, result: {} });
      },
    });
    const session = await openSession(openSseTransport(), sseServer(upstream.url));
    const call = toolCall('work', {}, '"mine"', '{"progressToken":"tok\\u0065n"}');
    const events = await session.post(call, EVENTS).received;
    expect(events).toMatchObject({ kind: 'stream', head: { contentType: 'text/event-stream' } });
    expect(messagesIn(events.text)).toEqual([
      { jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: 'token', progress: 1 } },
      { jsonrpc: '2.0', id: 'mine', result: {} },
    ]);
    expect(await session.post(call).received).toMatchObject({
      kind: 'answer',
      head: { contentType: 'application/json' },
      text: '{"jsonrpc":"2.0","id":"mine","result":{}}',
    });
    expect(await session.post(call, { ...EVENTS, acceptsJson: false }).received).toMatchObject({ kind: 'stream' });
  });

  test('is cancelled under the id that the server knows', async () => {
    const upstream = await startSseUpstream();
    const session = await openSession(openSseTransport(), sseServer(upstream.url));
    const { received } = session.post(toolCall('hold', {}, '"mine"'));
    const { id } = await whenPosted(upstream, 'tools/call');
    const cancelled = (requestId: string) =>
      rpcCall(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${requestId},"reason":"enough"}}`);
    expect(await session.post(cancelled('"another"')).received).toMatchObject({ head: { status: 202 } });
    expect(await session.post(cancelled('"m\\u0069ne"')).received).toMatchObject({ head: { status: 202 } });
    expect(await received).toMatchObject({ refusal: { code: 'client_closed_request' } });
    expect(upstream.posted.filter(({ method }) => method === 'notifications/cancelled')).toMatchObject([{ params: { requestId: id, reason: 'enough' } }]);
  });

  test('that nobody waits for any longer is cancelled at the server, and so is one that takes too long', async () => {
    const upstream = await startSseUpstream();
    const session = await openSession(openSseTransport(), limited(sseServer(upstream.url), { totalTimeoutMillis: 1000 }));
    const { flight } = session.post(toolCall('hold'));
    const { id } = await whenPosted(upstream, 'tools/call');
    flight.cancel();
    expect(await whenPosted(upstream, 'notifications/cancelled')).toMatchObject({ params: { requestId: id } });
    expect(await session.post(toolCall('hold')).received).toMatchObject({ refusal: { status: 504, reason: 'total_timeout' } });
    const told = () => upstream.posted.filter(({ method }) => method === 'notifications/cancelled').length;
    await eventually(() => (told() === 2 ? true : undefined), 'the other cancellation');
  });

  test('is one message: a batch is refused', async () => {
    const upstream = await startSseUpstream();
    const batch = rpcCall('[{"jsonrpc":"2.0","id":1,"method":"ping"}]');
    expect(await send(openSseTransport(), upstreamRequest(sseServer(upstream.url), batch)).received).toMatchObject({
      refusal: { status: 400, reason: 'invalid_jsonrpc' },
    });
  });

  test('survives what is no answer of its own', async () => {
    const upstream = await startSseUpstream({
      hear: ({ id, method }, stream) => {
        if (method !== 'tools/call') return;
        stream.write(': a comment\n\nevent: ping\ndata: {"jsonrpc":"2.0","id":2,"result":{"from":"another kind of event"}}\n\n');
        for (const noise of ['not JSON', '[]', { jsonrpc: '2.0', id: 999, result: {} }, { jsonrpc: '2.0', id: String(id), result: {} }]) stream.send(noise);
        stream.write(`data: {"jsonrpc":"2.0","id":${String(id)},"result":{}}\n\n`);
      },
    });
    expect(await resultOf(openSseTransport(), sseServer(upstream.url), toolCall('echo'))).toEqual({});
  });
});

describe('the endpoint that a server names', () => {
  test.each(['/message?connection=1', 'message?connection=1', '?connection=1'])('may be %s', async (endpoint) => {
    const upstream = await startSseUpstream({ endpoint: () => endpoint, hear: echo });
    expect(await resultOf(openSseTransport(), sseServer(upstream.url), toolCall('echo'))).toMatchObject({ connection: 1 });
  });

  test('may be written out, on the same origin', async () => {
    const upstream = await startSseUpstream({ endpoint: (_, port) => `http://127.0.0.1:${port}/message?connection=1`, hear: echo });
    expect(await resultOf(openSseTransport(), sseServer(upstream.url), toolCall('echo'))).toMatchObject({ connection: 1 });
  });

  test.each([
    ['http://127.0.0.1:1/message', 'address_refused'],
    ['//example.com/message', 'address_refused'],
    ['https://127.0.0.1/message', 'address_refused'],
    ['file:///etc/passwd', 'address_refused'],
    ['http://[', 'bad_answer'],
  ])('may not be %s', async (endpoint, reason) => {
    const upstream = await startSseUpstream({ endpoint: () => endpoint });
    expect(await failureOf(openSseTransport(), upstream.url)).toMatchObject({ refusal: { status: 502, code: 'upstream_error', reason } });
    await whenAllClosed(upstream);
    expect(upstream.posted).toEqual([]);
  });

  test('may hold no credentials', async () => {
    const upstream = await startSseUpstream({ endpoint: (_, port) => `http://user:word@127.0.0.1:${port}/message` });
    expect(await failureOf(openSseTransport(), upstream.url)).toMatchObject({ refusal: { reason: 'address_refused' } });
  });
});

describe('a server that misbehaves', () => {
  test.each([
    [401, {}, 'upstream_auth_error', 'rejected_credentials'],
    [302, { location: 'http://127.0.0.1:1/' }, 'upstream_error', 'redirect_refused'],
    [404, {}, 'upstream_error', 'bad_status'],
    [500, {}, 'upstream_error', 'bad_status'],
    [200, { 'content-type': 'text/html' }, 'upstream_error', 'bad_answer'],
    [200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' }, 'upstream_error', 'bad_answer'],
  ])('with status %i and %j where its stream should be is told apart', async (status, headers, code, reason) => {
    const upstream = await startSseUpstream({ refuse: (response) => void response.writeHead(status, headers).end() });
    expect(await failureOf(openSseTransport(), upstream.url)).toMatchObject({ refusal: { code, reason } });
  });

  test.each([
    [403, 'upstream_auth_error', 'rejected_credentials'],
    [307, 'upstream_error', 'redirect_refused'],
    [400, 'upstream_error', 'bad_status'],
    [503, 'upstream_error', 'bad_status'],
  ])('with status %i to a message fails that call alone', async (status, code, reason) => {
    const upstream = await startSseUpstream({ statusOf: ({ params }) => (params['name'] === 'bad' ? status : 202), hear: echo });
    const session = await openSession(openSseTransport(), sseServer(upstream.url));
    expect(await session.post(toolCall('bad')).received).toMatchObject({ refusal: { code, reason } });
    expect(await session.post(toolCall('echo')).received).toMatchObject({ kind: 'answer' });
  });

  test('is not waited for: it is away, says nothing, or names no endpoint', async () => {
    expect(await failureOf(openSseTransport(), 'http://127.0.0.1:1/sse')).toMatchObject({ refusal: { status: 502, reason: 'unreachable' } });
    for (const script of [{ endpoint: () => undefined }, { refuse: () => undefined }, { hear: () => true }]) {
      const upstream = await startSseUpstream(script);
      expect(await failureOf(openSseTransport(), upstream.url, { headersTimeoutMillis: 100 })).toMatchObject({
        refusal: { status: 504, code: 'upstream_timeout', reason: 'header_timeout' },
      });
      await whenAllClosed(upstream);
    }
  });

  test('with an event that is too large loses its connection', async () => {
    for (const isComplete of [true, false]) {
      const upstream = await startSseUpstream({ hear: (_, stream) => stream.write(`data: ${'x'.repeat(100_000)}${isComplete ? '\n\n' : ''}`) });
      expect(await failureOf(openSseTransport(), upstream.url, { eventBytesMax: 65_536 })).toMatchObject({ refusal: { reason: 'response_too_large' } });
      await whenAllClosed(upstream);
    }
  });

  test('with an answer that is larger than the caller may get fails that call alone', async () => {
    const upstream = await startSseUpstream({ hear: echo });
    const session = await openSession(openSseTransport(), sseServer(upstream.url));
    const large = toolCall('echo', { text: 'x'.repeat(2000) });
    expect(await session.post(large, { responseBytesMax: 1000 }).received).toMatchObject({ refusal: { reason: 'response_too_large' } });
    expect(await session.post(large).received).toMatchObject({ kind: 'answer' });
  });

  test('with an answer of several megabytes in one event is heard out', async () => {
    const upstream = await startSseUpstream({ hear: echo });
    const text = '😀\u2028'.repeat(600_000);
    const { content } = await resultOf(openSseTransport(), sseServer(upstream.url), toolCall('echo', { text }));
    expect(content).toEqual([{ type: 'text', text: JSON.stringify({ text }) }]);
  });
});

describe('limits and secrets', () => {
  test('a server has only so many connections: an idle one of the same key gives way, another key’s never does', async () => {
    const upstream = await startSseUpstream({ hear: echo });
    const transport = openSseTransport({ connectionsPerServerMax: 2 });
    const server = sseServer(upstream.url);
    const [oldest, newer] = [await openSession(transport, server), await openSession(transport, server)];
    await oldest.post(toolCall('echo')).received;
    expect(await send(transport, upstreamRequest(server, INITIALIZE, { apiKeyId: 'key_2' })).received).toMatchObject({
      refusal: { status: 503, code: 'overloaded' },
    });
    const third = await openSession(transport, server);
    expect(await newer.post(toolCall('echo')).received).toMatchObject(UNKNOWN_SESSION);
    expect(await oldest.post(toolCall('echo')).received).toMatchObject({ kind: 'answer' });
    oldest.listen();
    third.listen();
    expect(await send(transport, upstreamRequest(server, INITIALIZE)).received).toMatchObject({ refusal: { status: 503, code: 'overloaded' } });
  });

  test('a connection carries only so many calls', async () => {
    const upstream = await startSseUpstream();
    const session = await openSession(openSseTransport({ inFlightMax: 1 }), sseServer(upstream.url));
    session.post(toolCall('hold'));
    expect(await session.post(toolCall('echo')).received).toMatchObject({ refusal: { status: 503, code: 'overloaded' } });
  });

  test('the gateway signs in on the stream and on every message, and passes on what the caller may say in headers', async () => {
    const upstream = await startSseUpstream({ hear: echo });
    const server = sseServer(upstream.url, { authHeaders: ['authorization', 'Bearer upstream'] });
    const forwardedHeaders = ['mcp-protocol-version', '2025-06-18'];
    await send(openSseTransport(), upstreamRequest(server, toolCall('echo'), { forwardedHeaders })).received;
    expect(upstream.streams[0]?.headers).toMatchObject({ authorization: 'Bearer upstream', accept: 'text/event-stream' });
    expect(upstream.posted.map(({ headers }) => headers.authorization)).toEqual(Array(3).fill('Bearer upstream'));
    expect(upstream.posted.at(-1)?.headers).toMatchObject({ 'mcp-protocol-version': '2025-06-18', 'content-type': 'application/json' });
  });

  test('addresses that a server may not have are never called', async () => {
    const upstream = await startSseUpstream();
    const transport = openSseTransport({}, ['10.0.0.0/8']);
    for (const url of [upstream.url, upstream.url.replace('127.0.0.1', 'localhost')]) {
      expect(await failureOf(transport, url)).toMatchObject({ refusal: { reason: 'address_refused' } });
    }
    expect(upstream.streams).toEqual([]);
  });

  test('closing ends every connection and call, and nothing opens afterwards', async () => {
    const upstream = await startSseUpstream();
    const transport = openSseTransport();
    const session = await openSession(transport, sseServer(upstream.url));
    const underWay = [session.post(toolCall('hold')), session.listen(), send(transport, upstreamRequest(sseServer(upstream.url), toolCall('hold')))];
    await transport.close();
    for (const { received } of underWay) expect(await received).toMatchObject({ refusal: { code: 'not_ready', reason: 'draining' } });
    expect(await failureOf(transport, upstream.url)).toMatchObject({ refusal: { reason: 'draining' } });
    await whenAllClosed(upstream);
  });
});
