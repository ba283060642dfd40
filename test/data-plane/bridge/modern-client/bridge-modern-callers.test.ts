/** What a server with sessions hears of a caller of revision 2026-07-28, and what the caller gets from it. */
import { describe, expect, test } from 'vitest';
import { Refusal } from '../../../../shared/refusal.ts';
import { CAPABLE, modern, startBridge } from '../../../support/modern-bridge.ts';
import { eventually } from '../../../support/processes.ts';
import type { Heard } from '../../../support/scripted-transport.ts';

const answerEmpty = (heard: Heard) => heard.result('{}');

describe('a request goes up', () => {
  test('in a session, without the words of the revision and with everything else as it was written', async () => {
    const { server, ask } = startBridge(answerEmpty);
    const meta = '"traceparent":"00-a","vendor/key":{"exact":1.0,"big":12345678901234567890}';
    const forwardedHeaders = ['mcp-protocol-version', '2026-07-28', 'mcp-method', 'tools/call', 'mcp-param-region', 'eu', 'traceparent', '00-b'];
    await ask(modern('tools/call', { params: '"name":"echo", "arguments":{"n":1e400}', meta }), { forwardedHeaders });
    const [call] = server.of('tools/call');
    expect(call?.text).toBe(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo", "arguments":{"n":1e400},"_meta":{${meta}}}}`);
    expect(call?.request).toMatchObject({ upstreamSessionId: 'session-1', forwardedHeaders: ['mcp-protocol-version', '2025-06-18', 'traceparent', '00-b'] });
    expect(server.of('initialize')[0]?.message.params).toMatchObject({ protocolVersion: '2025-11-25', capabilities: {} });
  });

  test('in the session of those who can do the same, opened once for all who wait, and never in that of another key', async () => {
    const { server, ask } = startBridge(answerEmpty);
    await Promise.all([ask(modern('tools/list')), ask(modern('tools/list'))]);
    await ask(modern('tools/list', { capabilities: CAPABLE }));
    await ask(modern('tools/list'), { apiKeyId: 'key_2' });
    expect(server.of('initialize').map(({ request, message }) => [request.apiKeyId, message.params?.['capabilities']])).toEqual([
      ['key_1', {}],
      ['key_1', { elicitation: {}, sampling: {} }],
      ['key_2', {}],
    ]);
    expect(server.of('tools/list').map(({ request }) => request.upstreamSessionId)).toEqual(['session-1', 'session-1', 'session-2', 'session-3']);
  });

  test.each([404, 400])('again in a new session, when the server has forgotten the first (%i)', async (status) => {
    const { server, ask } = startBridge((heard) => {
      if (heard.request.upstreamSessionId === 'session-1')
        heard.json(status, '{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}');
      else heard.result('{"tools":[]}');
    });
    expect((await ask(modern('tools/list'))).value.result.tools).toEqual([]);
    expect(server.of('tools/list').map(({ request }) => request.upstreamSessionId)).toEqual(['session-1', 'session-2']);
  });

  test('at most twice', async () => {
    const { server, ask } = startBridge((heard) => heard.sink.fail(new Refusal('mcp_not_found', 'unknown_session')));
    await expect(ask(modern('tools/list'))).rejects.toMatchObject({ reason: 'unknown_session' });
    expect(server.of('tools/list')).toHaveLength(2);
  });

  test('not at all, where the revision has no such method', async () => {
    const { server, ask } = startBridge(answerEmpty);
    for (const method of ['ping', 'initialize', 'logging/setLevel', 'resources/subscribe', 'tasks/get']) {
      expect(await ask(modern(method))).toMatchObject({ status: 404, value: { id: 'mine', error: { code: -32_601 } } });
    }
    expect(server.heard).toEqual([]);
  });

  test('with the log level set once for whoever wants to hear the most', async () => {
    const { server, ask } = startBridge(answerEmpty);
    for (const level of ['warning', 'info', 'error']) await ask(modern('tools/list', { meta: `"io.modelcontextprotocol/logLevel":"${level}"` }));
    expect(server.of('logging/setLevel').map(({ message }) => message.params)).toEqual([{ level: 'warning' }, { level: 'info' }]);
  });
});

describe('an answer comes back', () => {
  test('with what the revision wants of it, and otherwise byte for byte', async () => {
    const { ask } = startBridge((heard) => heard.result('{ "tools":[{"n":1e400,"big":12345678901234567890}],"_meta":{"a":1.0}}'));
    const { text } = await ask(modern('tools/list', { id: '12345678901234567890' }));
    expect(text).toBe(
      '{"jsonrpc":"2.0","id":12345678901234567890,"result":{"resultType":"complete","ttlMs":0,"cacheScope":"private", "tools":[{"n":1e400,"big":12345678901234567890}],' +
        '"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"scripted","version":"1"},"a":1.0}}}',
    );
  });

  test.each([
    [-32_002, 200, -32_602],
    [-32_601, 404, -32_601],
    [-32_000, 200, -32_000],
  ])('with the error %i as the revision has it', async (code, status, expected) => {
    const { ask } = startBridge((heard) => heard.error(code));
    expect(await ask(modern('resources/read', { params: '"uri":"a:b"' }))).toMatchObject({ status, value: { id: 'mine', error: { code: expected } } });
  });

  test('to server/discover from the handshake', async () => {
    const { ask } = startBridge(answerEmpty);
    expect((await ask(modern('server/discover'))).value.result).toEqual({
      resultType: 'complete',
      supportedVersions: ['2026-07-28'],
      capabilities: { tools: { listChanged: true }, resources: { subscribe: true }, logging: {} },
      instructions: 'be gentle',
      ttlMs: 0,
      cacheScope: 'private',
      _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'scripted', version: '1' } },
    });
  });

  test('after progress that was asked for, and logs that are loud enough', async () => {
    const { ask } = startBridge((heard) => {
      if (heard.message.method === 'logging/setLevel') return heard.result('{}');
      heard.say({ method: 'notifications/progress', params: { progressToken: heard.message.id, progress: 1 } });
      heard.say({ method: 'notifications/message', params: { level: 'debug', data: 'quiet' } });
      heard.say({ method: 'notifications/message', params: { level: 'error', data: 'loud' } });
      heard.say({ method: 'notifications/tools/list_changed' });
      heard.result('{}');
    });
    const { text } = await ask(modern('tools/call', { params: '"name":"a"', meta: '"progressToken":"p","io.modelcontextprotocol/logLevel":"info"' }));
    expect([...text.matchAll(/"method":"([^"]+)"/g)].map(([, method]) => method)).toEqual(['notifications/progress', 'notifications/message']);
    expect(text).toContain('loud');
    expect((await ask(modern('tools/call', { params: '"name":"a"' }))).text).not.toContain('notifications/');
  });
});

test.each(['the call', 'the session'])(
  'progress on the stream of %s reaches whose call it is about, also when another caller has the same token',
  async (place) => {
    const { server, send } = startBridge((heard) => heard.request.httpMethod === 'GET' && heard.open());
    const call = (id: string) => send(modern('tools/call', { id, params: '"name":"a"', meta: '"progressToken":"1.0"', capabilities: CAPABLE })).sink;
    const [first, second] = [call('1'), call('2')];
    await eventually(() => server.of('tools/call')[1], 'both calls');
    for (const heard of server.of('tools/call')) {
      const told = place === 'the call' ? heard : server.of('GET')[0];
      told?.say({ method: 'notifications/progress', params: { progressToken: heard.message.params?.['_meta']?.progressToken, progress: heard.message.id } });
    }
    const progressIn = (text: string) => [...text.matchAll(/data: (.+)\n/g)].map(([, data]) => JSON.parse(data ?? '').params);
    const [firstId, secondId] = server.of('tools/call').map(({ message }) => message.id);
    expect(progressIn(first.text)).toEqual([{ progressToken: '1.0', progress: firstId }]);
    expect(progressIn(second.text)).toEqual([{ progressToken: '1.0', progress: secondId }]);
  },
);

test('a server that closes the stream in between is asked for the rest, behind what it has said', async () => {
  const { server, ask } = startBridge((heard) => {
    if (heard.request.httpMethod === 'GET') return heard.json(200, '{"jsonrpc":"2.0","id":2,"result":{"late":true}}');
    heard.open();
    heard.sink.write(Buffer.from('id: event-1\nretry: 1\ndata: \n\n'));
    heard.sink.end();
  });
  expect((await ask(modern('tools/list'))).value.result).toMatchObject({ late: true });
  expect(server.of('GET').map(({ request }) => request.forwardedHeaders)).toEqual([['mcp-protocol-version', '2025-06-18', 'last-event-id', 'event-1']]);
});

test('a caller who leaves cancels the call at the server, by the id that the server knows', async () => {
  const { server, send } = startBridge(() => undefined);
  const { flight } = send(modern('tools/call', { params: '"name":"hang"' }));
  const call = await eventually(() => server.of('tools/call')[0], 'the call arriving');
  flight.cancel();
  expect(server.of('notifications/cancelled')[0]?.message.params).toMatchObject({ requestId: call.message.id });
  expect(call.isCancelled).toBe(true);
});

test('a caller who leaves while a forgotten session is opened anew leaves nothing behind in it', async () => {
  let hasLeft = false;
  const { server, bridge, send, ask } = startBridge((heard) => {
    if (heard.request.upstreamSessionId !== 'session-1') return heard.result('{}');
    heard.json(404, '{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}');
    queueMicrotask(() => flight.cancel());
    hasLeft = true;
  });
  const { flight } = send(modern('tools/call', { params: '"name":"a"' }));
  await eventually(() => (hasLeft && server.of('notifications/initialized').length === 2 ? true : undefined), 'the second session');
  await ask(modern('tools/list'));
  bridge.retire('srv_1');
  expect(await eventually(() => server.of('DELETE')[0], 'the end of the session')).toMatchObject({ request: { upstreamSessionId: 'session-2' } });
});

test('a level of logs that the server was not told is told again', async () => {
  let isAway = true;
  const { server, ask } = startBridge((heard) => {
    if (heard.message.method === 'logging/setLevel' && isAway) heard.sink.fail(new Refusal('upstream_error', 'unreachable'));
    else heard.result('{}');
  });
  const loud = modern('tools/list', { meta: '"io.modelcontextprotocol/logLevel":"info"' });
  await expect(ask(loud)).rejects.toMatchObject({ reason: 'unreachable' });
  isAway = false;
  await ask(loud);
  expect(server.of('logging/setLevel')).toHaveLength(2);
});

describe('sessions end', () => {
  test('with the gateway', async () => {
    const { server, bridge, ask } = startBridge(answerEmpty);
    await ask(modern('tools/list'));
    await bridge.close();
    expect(server.of('DELETE').map(({ request }) => request.upstreamSessionId)).toEqual(['session-1']);
  });

  test('when their server changes, after the last call', async () => {
    const { server, bridge, ask, send } = startBridge((heard) => heard.message.method === 'tools/list' && heard.result('{}'));
    send(modern('prompts/list'));
    await ask(modern('tools/list'));
    bridge.retire('srv_1');
    await ask(modern('tools/list'));
    expect(server.of('tools/list').map(({ request }) => request.upstreamSessionId)).toEqual(['session-1', 'session-2']);
    expect(server.of('DELETE')).toEqual([]);
    server.of('prompts/list')[0]?.result('{}');
    expect(server.of('DELETE').map(({ request }) => request.upstreamSessionId)).toEqual(['session-1']);
  });

  test('when a key has as many as it may, if they are idle', async () => {
    const { server, ask, send } = startBridge((heard) => heard.message.method === 'tools/list' && heard.result('{}'), { sessionsPerKeyMax: 1 });
    await ask(modern('tools/list'));
    await ask(modern('tools/list', { capabilities: CAPABLE }));
    expect(server.of('DELETE').map(({ request }) => request.upstreamSessionId)).toEqual(['session-1']);
    send(modern('prompts/list', { capabilities: CAPABLE }));
    await eventually(() => server.of('prompts/list')[0], 'the call that holds the session');
    await expect(ask(modern('tools/list'))).rejects.toMatchObject({ code: 'overloaded' });
  });

  test('when nobody has used them for a while', async () => {
    const { server, ask } = startBridge(answerEmpty, { idleMillis: 1 });
    await ask(modern('tools/list'));
    expect(await eventually(() => server.of('DELETE')[0], 'the end of the session')).toMatchObject({ request: { upstreamSessionId: 'session-1' } });
  });
});
