/** STDIO servers that speak only 2026-07-28: they are found out on their first process, and called by every client. */
import { describe, expect, test } from 'vitest';
import type { UpstreamRequest } from '../../../data-plane/transports/transport.ts';
import { initialize, openLegacyBridge } from '../../support/bridged-caller.ts';
import { eventually } from '../../support/processes.ts';
import { rpcCall, toolCall } from '../../support/rpc-call.ts';
import {
  changed,
  isAlive,
  isolatedServer,
  KeepingSink,
  limited,
  openTransport,
  resultOf,
  send,
  stdioServer,
  upstreamRequest,
} from '../../support/stdio-caller.ts';

const META = '"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}';
const MODERN = { FIXTURE_MODE: 'modern' };

function modern(method: string, idToken: string, params = '') {
  return rpcCall(`{"jsonrpc":"2.0","id":${idToken},"method":"${method}","params":{${params}"_meta":{${META}}}}`);
}

function echo(idToken: string) {
  return modern('tools/call', idToken, '"name":"echo","arguments":{"text":"hello"},');
}

describe.each([
  ['one process for all', stdioServer(MODERN)],
  ['a process for each session', isolatedServer(MODERN)],
])('a server with %s', (_, server) => {
  test('is called by whoever needs no session', async () => {
    const transport = openTransport();
    const received = await send(transport, upstreamRequest(server, echo('"a\\u0062"'))).received;
    expect(received.text).toBe('{"result":{"content":[{"type":"text","text":"hello"}]},"jsonrpc":"2.0","id":"a\\u0062"}');
  });

  test('refuses whoever needs one, in words of the protocol', async () => {
    const transport = openTransport();
    await send(transport, upstreamRequest(server, echo('1'))).received;
    for (const call of [initialize(), toolCall('echo')]) {
      const received = await send(transport, upstreamRequest(server, call)).received;
      expect(JSON.parse(received.text)).toMatchObject({ id: 1, error: { code: -32_022, data: { supported: ['2026-07-28'] } } });
      expect(received).not.toMatchObject({ head: { upstreamSessionId: expect.any(String) } });
    }
  });

  test('is bridged to clients with sessions, and asks them', async () => {
    const bridge = openLegacyBridge(openTransport());
    const ask = async (call: UpstreamRequest['call'], changes: Partial<UpstreamRequest> = {}) => {
      return send(bridge, upstreamRequest(server, call, { acceptsEventStream: true, ...changes }));
    };
    const opened = await (await ask(initialize({ elicitation: {} }))).received;
    expect(opened.text).toContain('"capabilities":{"tools":{"listChanged":true}}');
    if (opened.kind !== 'answer') throw new Error('no session was opened');
    const introduction = '{"protocolVersion":"2025-06-18","capabilities":{"elicitation":{}},"clientInfo":{"name":"old","version":"1"}}';
    const session = { upstreamSessionId: opened.head.upstreamSessionId, introduction };
    const { sink, received } = await ask(toolCall('question', {}, '7'), session);
    const id = await eventually(() => /"id":("turnpike-[^"]+")/.exec(sink.text)?.[1], 'the question');
    await ask(rpcCall(`{"jsonrpc":"2.0","id":${id},"result":{"action":"accept","content":{"name":"Ada"}}}`), session);
    expect((await received).text).toContain('"text":"Hello, Ada!"');
    expect((await received).text).toContain('"id":7');
  });

  test('answers a single request without a session, from the first on', async () => {
    const bridge = openLegacyBridge(openTransport());
    for (let time = 0; time < 2; time++) {
      const received = await send(bridge, upstreamRequest(server, toolCall('echo', { text: 'hello' }, '9'))).received;
      expect(JSON.parse(received.text)).toMatchObject({ id: 9, result: { content: [{ text: 'hello' }] } });
    }
  });
});

describe('whoever listens', () => {
  test('hears what is meant for it under its own id, and the process is told when it leaves', async () => {
    const transport = openTransport();
    const server = limited(stdioServer(MODERN), { totalTimeoutMillis: 1 });
    const sinks = ['"one"', '2'].map((id) => {
      const sink = new KeepingSink();
      const listening = upstreamRequest(server, modern('subscriptions/listen', id, '"notifications":{"toolsListChanged":true},'), { acceptsEventStream: true });
      return { sink, flight: transport.send(listening, sink), id };
    });
    for (const { sink } of sinks) await eventually(() => (sink.text.includes('acknowledged') ? true : undefined), 'the acknowledgement');
    sinks[1]?.flight.cancel();
    transport.send(upstreamRequest(server, modern('tools/call', '3', '"name":"announce",')), new KeepingSink());
    await eventually(() => (sinks[0]?.sink.text.includes('list_changed') === true ? true : undefined), 'the notification');
    expect(sinks.map(({ sink, id }) => sink.text.match(/"io.modelcontextprotocol\/subscriptionId":("one"|2)/g)?.every((part) => part.endsWith(id)))).toEqual([
      true,
      true,
    ]);
    expect(sinks[1]?.sink.text).not.toContain('list_changed');
    expect(sinks.map(({ sink }) => sink.endings)).toEqual([0, 0]);
  });

  test('keeps its process from being idle, but not from ending with its configuration', async () => {
    const limits = { processIdleMillis: 50 };
    const server = limited(stdioServer(MODERN), limits);
    const transport = openTransport({ limits: { retireGraceMillis: 1 } });
    const sink = new KeepingSink();
    transport.send(
      upstreamRequest(server, modern('subscriptions/listen', '1', '"notifications":{"toolsListChanged":true},'), { acceptsEventStream: true }),
      sink,
    );
    await eventually(() => (sink.text.includes('acknowledged') ? true : undefined), 'the acknowledgement');
    // Longer than the process may be idle: another one would be, and end, meanwhile.
    const other = changed(stdioServer(), { id: 'srv_2', limits });
    const idle = await resultOf(transport, other, toolCall('pid'));
    await eventually(() => (isAlive(Number(idle['pid'])) ? undefined : true), 'the end of an idle process');
    expect(sink.endings).toBe(0);
    transport.retire(server.config.id);
    expect(await sink.received).toMatchObject({ kind: 'failure' });
  });
});

test('a process that refuses the handshake for another reason is not asked again', async () => {
  const received = await send(openTransport(), upstreamRequest(stdioServer({ FIXTURE_MODE: 'refusing' }), toolCall('echo'))).received;
  expect(received).toMatchObject({ kind: 'failure', refusal: { reason: 'stdio_protocol' } });
});
