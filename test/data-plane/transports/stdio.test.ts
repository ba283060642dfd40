/** Many callers on one child process: each gets its own answer, byte for byte, and nothing of another's. */
import { assert, asyncProperty, jsonValue, string } from 'fast-check';
import { expect, test } from 'vitest';
import { rpcCall, toolCall } from '../../support/rpc-call.ts';
import { eventually } from '../../support/processes.ts';
import { KeepingSink, limited, openTransport, resultOf, send, stdioServer, upstreamRequest } from '../../support/stdio-caller.ts';

test('200 callers with the same id each get their own answer', async () => {
  const transport = openTransport();
  const server = stdioServer();
  const answers = await Promise.all(
    Array.from(
      { length: 200 },
      (_, index) => send(transport, upstreamRequest(server, toolCall('echo', { text: `canary-${index}` }), { apiKeyId: `key_${index}` })).received,
    ),
  );
  expect(answers.map(({ text }) => JSON.parse(text))).toEqual(
    Array.from({ length: 200 }, (_, index) => ({ jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text: `canary-${index}` }] } })),
  );
});

test('a warm call starts no process', async () => {
  const transport = openTransport();
  const server = stdioServer();
  const first = await resultOf(transport, server, toolCall('pid'));
  expect(await resultOf(transport, server, toolCall('pid'))).toEqual(first);
});

test('arguments arrive byte for byte, whatever they are', async () => {
  const transport = openTransport();
  const server = stdioServer();
  const seen = async (args: string): Promise<string> => {
    const body = (id: string): string => `{"jsonrpc":"2.0","method":"tools/call","params":{"name":"line","arguments":${args}},"id":${id}}`;
    const { line } = await resultOf(transport, server, rpcCall(body('"same"')));
    const text = Buffer.from(String(line), 'base64').toString('utf8');
    const id = /"id":(\d+)\}$/.exec(text)?.[1] ?? 'none';
    expect(text).toBe(body(id));
    return text;
  };
  await seen('{"big":12345678901234567890123,"exact":1.50,"exponent":1e-7,"escaped":"\\u0041\\/","separator":"\u2028","same":"{\\"id\\":1}"}');
  await assert(
    asyncProperty(jsonValue({ stringUnit: 'binary' }), async (value) => void (await seen(JSON.stringify(value)))),
    { numRuns: 100 },
  );
});

test('an answer reaches the caller byte for byte but for the id, which is its own again', async () => {
  const transport = openTransport();
  const server = stdioServer();
  const answered = async (line: string, idToken: string): Promise<void> => {
    const { text } = await send(transport, upstreamRequest(server, toolCall('raw', { line }, idToken))).received;
    expect(text).toBe(line.replace('{{id}}', () => idToken));
  };
  await answered('{"id":{{id}},"result":{"n":12345678901234567890,"f":1.0,"s":"\\u00e9\\ud83d\\ude00","id":7},"jsonrpc":"2.0","unknown":[1e2]}', '"a\\u0062"');
  await answered('{ "error" : {"code":-32000,"message":"no","data":{"id":1}} , "\\u0069d" : {{id}} , "jsonrpc":"2.0"}', '98765432109876543210');
  const content = string({ unit: 'grapheme' });
  await assert(
    asyncProperty(content, (text) => answered(`{"result":${JSON.stringify({ text })},"id":{{id}}}`, JSON.stringify(text))),
    { numRuns: 100 },
  );
});

test('initialize is answered with what the child said, at once and to everybody', async () => {
  const transport = openTransport();
  const server = stdioServer();
  const ask = (id: string): Promise<{ text: string }> =>
    send(
      transport,
      upstreamRequest(
        server,
        rpcCall(`{"jsonrpc":"2.0","id":${id},"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"roots":{}}}}`),
      ),
    ).received;
  const [cold, alsoCold] = await Promise.all([ask('"one"'), ask('2')]);
  const warm = await ask('3');
  for (const [answer, id] of [
    [cold, '"one"'],
    [alsoCold, '2'],
    [warm, '3'],
  ] as const) {
    expect(answer.text).toMatch(new RegExp(`^\\{"jsonrpc":"2.0","id":${id},"result":\\{"protocolVersion":"2025-06-18",.*"exact":1\\.50\\}\\}$`));
  }
  expect(JSON.parse(warm.text).result.received).toEqual({
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'turnpike', version: '0.1.0' },
  });
});

test('each initialize opens a session of its own', async () => {
  const transport = openTransport();
  const call = rpcCall('{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}');
  const answers = await Promise.all([1, 2].map(() => send(transport, upstreamRequest(stdioServer(), call)).received));
  const ids = answers.map((answer) => (answer.kind === 'answer' ? answer.head.upstreamSessionId : undefined));
  expect(new Set(ids).size).toBe(2);
  expect(ids).not.toContain(undefined);
});

test('ping, notifications and answers of a client need no child', async () => {
  const transport = openTransport({ limits: { childrenMax: 0 } });
  const server = stdioServer();
  expect(await send(transport, upstreamRequest(server, rpcCall('{"jsonrpc":"2.0","id":"p","method":"ping"}'))).received).toMatchObject({
    kind: 'answer',
    text: '{"jsonrpc":"2.0","id":"p","result":{}}',
  });
  for (const body of [
    '{"jsonrpc":"2.0","method":"notifications/initialized"}',
    '{"jsonrpc":"2.0","id":1,"result":{}}',
    '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}',
  ]) {
    expect(await send(transport, upstreamRequest(server, rpcCall(body))).received).toMatchObject({ kind: 'answer', head: { status: 202 }, text: '' });
  }
});

test('GET and DELETE are answered 405, a batch 400', async () => {
  const transport = openTransport();
  for (const httpMethod of ['GET', 'DELETE'] as const) {
    expect(await send(transport, upstreamRequest(stdioServer(), undefined, { httpMethod })).received).toMatchObject({
      refusal: { status: 405, code: 'method_not_allowed' },
    });
  }
  expect(await send(transport, upstreamRequest(stdioServer(), { ...toolCall('pid'), isBatch: true })).received).toMatchObject({
    refusal: { status: 400, reason: 'invalid_jsonrpc' },
  });
});

test('progress reaches the caller that asked for it, with its own token', async () => {
  const transport = openTransport();
  const server = stdioServer();
  const asked = (text: string, token: string): ReturnType<typeof send> =>
    send(transport, upstreamRequest(server, toolCall('progress', { steps: 2, text }, '1', `{"progressToken":${token}}`), { acceptsEventStream: true }));
  const [one, other] = await Promise.all([asked('a', '"tok\\u0065n"').received, asked('b', '12345678901234567890').received]);
  for (const [received, token] of [
    [one, '"tok\\u0065n"'],
    [other, '12345678901234567890'],
  ] as const) {
    const events = received.text.split('\n\n').slice(0, -1);
    expect(received).toMatchObject({ kind: 'stream', head: { status: 200, contentType: 'text/event-stream' } });
    expect(events.slice(0, 2)).toEqual(
      [1, 2].map(
        (progress) =>
          `event: message\ndata: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${token},"progress":${progress},"total":2}}`,
      ),
    );
    expect(events).toHaveLength(3);
    expect(events[2]).toMatch(/^event: message\ndata: \{"result":\{"steps":2,.*,"id":1\}$/);
  }
  expect(transport.noise.droppedNotifications).toBe(4);
});

test('a caller that takes no events, or asked for none, gets the answer alone', async () => {
  const transport = openTransport();
  const server = stdioServer();
  const without = await send(transport, upstreamRequest(server, toolCall('progress', { steps: 2 }), { acceptsEventStream: true })).received;
  const noStream = await send(transport, upstreamRequest(server, toolCall('progress', { steps: 2 }, '1', '{"progressToken":1}'))).received;
  expect([without.kind, noStream.kind]).toEqual(['answer', 'answer']);
});

test('a caller that takes events only gets its answer as one', async () => {
  const { received } = send(openTransport(), upstreamRequest(stdioServer(), toolCall('echo', { text: 'x' }), { acceptsEventStream: true, acceptsJson: false }));
  expect((await received).text).toMatch(/^event: message\ndata: \{.*\}\n\n$/);
});

test('a slow reader misses progress and never the answer', async () => {
  const sink = new KeepingSink(() => false);
  const request = upstreamRequest(stdioServer(), toolCall('progress', { steps: 100 }, '1', '{"progressToken":1}'), { acceptsEventStream: true });
  const received = await send(openTransport(), request, sink).received;
  expect(received.text.split('\n\n')).toHaveLength(3);
});

test('what is no answer of ours is ignored and counted', async () => {
  const transport = openTransport();
  const server = stdioServer({ FIXTURE_MODE: 'noisy' });
  expect(await resultOf(transport, server, toolCall('garbage'))).toEqual({ ok: true });
  expect(await resultOf(transport, server, toolCall('twice'))).toEqual({ count: 1 });
  expect(await resultOf(transport, server, toolCall('echo', { text: 'still here' }))).toMatchObject({ content: [{ text: 'still here' }] });
  expect(transport.noise).toMatchObject({ garbageLines: 10, unmatchedAnswers: 3 });
});

test('a child that asks is told that nobody is there to ask, and its ping is answered', async () => {
  const transport = openTransport();
  const { replies } = await resultOf(transport, stdioServer(), toolCall('ask'));
  expect(replies).toEqual([
    '{"jsonrpc":"2.0","id":"q\\u0031","error":{"code":-32601,"message":"Method not found"}}',
    '{"jsonrpc":"2.0","id":12345678901234567890,"error":{"code":-32601,"message":"Method not found"}}',
    '{"jsonrpc":"2.0","id":"p1","result":{}}',
  ]);
  expect(transport.noise.refusedRequests).toBe(2);
});

test('an answer that is too large is refused, and one without result or error too', async () => {
  const transport = openTransport();
  const server = stdioServer();
  expect(await send(transport, upstreamRequest(server, toolCall('large', { bytes: 2000 }), { responseBytesMax: 1000 })).received).toMatchObject({
    refusal: { code: 'upstream_error', reason: 'response_too_large' },
  });
  for (const tool of ['empty', 'misencoded']) {
    expect(await send(transport, upstreamRequest(server, toolCall(tool))).received).toMatchObject({
      refusal: { code: 'upstream_error', reason: 'bad_answer' },
    });
  }
});

test('an answer of 5 MB arrives whole', async () => {
  const { text } = await resultOf(openTransport(), stdioServer(), toolCall('large', { bytes: 5_000_000 }));
  expect(String(text)).toHaveLength(5_000_000);
});

test('a caller that is gone is forgotten, its late answer dropped, and the child told', async () => {
  const transport = openTransport();
  const server = stdioServer();
  const { flight, sink } = send(transport, upstreamRequest(server, toolCall('hang')));
  await eventually(
    async () => (JSON.stringify(await resultOf(transport, server, toolCall('cancelled'))).includes('"hanging":[') ? true : undefined),
    'the call',
  );
  flight.cancel();
  const { cancelled, hanging } = await resultOf(transport, server, toolCall('cancelled'));
  expect(cancelled).toEqual([{ requestId: Array.isArray(hanging) ? hanging[0] : undefined, reason: 'the caller no longer waits' }]);
  await resultOf(transport, server, toolCall('late'));
  expect(sink.endings).toBe(0);
  expect(transport.noise.unmatchedAnswers).toBe(1);
});

test('notifications/cancelled reaches the child with its own id, and means only the caller’s request', async () => {
  const transport = openTransport();
  const server = stdioServer();
  const hang = (changes: { apiKeyId?: string; upstreamSessionId?: string }): ReturnType<typeof send> =>
    send(transport, upstreamRequest(server, toolCall('hang', {}, '"x\\u0031"'), changes));
  const [mine, sameKey, otherKey] = [
    hang({ upstreamSessionId: 's1' }),
    hang({ upstreamSessionId: 's2' }),
    hang({ apiKeyId: 'key_2', upstreamSessionId: 's1' }),
  ];
  const notice = rpcCall('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{\n"requestId":"x1","reason":"enough"}}');
  await send(transport, upstreamRequest(server, notice, { upstreamSessionId: 's1' })).received;
  expect(await mine.received).toMatchObject({ refusal: { code: 'client_closed_request' } });
  const { cancelled, hanging } = await resultOf(transport, server, toolCall('cancelled'));
  expect(cancelled).toEqual([{ requestId: Array.isArray(hanging) ? hanging[0] : undefined, reason: 'enough' }]);
  expect([sameKey.sink.endings, otherKey.sink.endings]).toEqual([0, 0]);
});

test('a call without an answer ends in time, and the child is told', async () => {
  const transport = openTransport();
  const server = limited(stdioServer(), { totalTimeoutMillis: 2000 });
  expect(await send(transport, upstreamRequest(server, toolCall('hang'))).received).toMatchObject({ refusal: { status: 504, reason: 'total_timeout' } });
  expect((await resultOf(transport, server, toolCall('cancelled')))['cancelled']).toHaveLength(1);
});

test('more calls than a child may have are refused, and so are bytes that a child does not read', async () => {
  const transport = openTransport({ limits: { outboxBytesMax: 100_000 } });
  const server = limited(stdioServer(), { inFlightMax: 2 });
  const held = [send(transport, upstreamRequest(server, toolCall('hang'))), send(transport, upstreamRequest(server, toolCall('hang')))];
  expect(await send(transport, upstreamRequest(server, toolCall('pid'))).received).toMatchObject({ refusal: { reason: 'stdio_overloaded' } });
  for (const { flight } of held) flight.cancel();
  const large = toolCall('echo', { text: 'x'.repeat(100_000) });
  expect(await send(transport, upstreamRequest(server, large)).received).toMatchObject({ refusal: { reason: 'stdio_overloaded' } });
});
