/** Callers who listen through the bridge: each hears what it asked for under its own id, over one stream of the server. */
import { expect, test } from 'vitest';
import { Refusal } from '../../../../shared/refusal.ts';
import { modern, startBridge } from '../../../support/modern-bridge.ts';
import { eventually } from '../../../support/processes.ts';

const LIST_CHANGED = { method: 'notifications/tools/list_changed' };

function listenTo(notifications: string, id: string) {
  return modern('subscriptions/listen', { id, params: `"notifications":${notifications}` });
}

function startListening() {
  const bridge = startBridge((heard) => (heard.request.httpMethod === 'GET' ? heard.open() : heard.result('{}')));
  const listen = async (notifications: string, id: string) => {
    const listener = bridge.send(listenTo(notifications, id));
    await eventually(() => (listener.sink.text === '' ? undefined : true), 'the acknowledgement');
    return { ...listener, events: () => [...listener.sink.text.matchAll(/data: (.+)\n\n/g)].map(([, data]) => data) };
  };
  return { ...bridge, listen };
}

test('first comes what is listened to: what was asked for, as far as the server can tell', async () => {
  const { server, listen } = startListening();
  const { events } = await listen('{"toolsListChanged":true,"promptsListChanged":true,"resourceSubscriptions":["a:b"]}', '7');
  expect(events()).toEqual([
    '{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":7},' +
      '"notifications":{"toolsListChanged":true,"resourceSubscriptions":["a:b"]}}}',
  ]);
  expect(server.of('resources/subscribe').map(({ message }) => message.params)).toEqual([{ uri: 'a:b' }]);
});

test('several share one stream, and each hears its own under its own id', async () => {
  const { server, listen } = startListening();
  const [tools, resources] = [await listen('{"toolsListChanged":true}', '"t"'), await listen('{"resourceSubscriptions":["a:b"]}', '2')];
  const [stream, ...more] = server.of('GET');
  expect(more).toEqual([]);
  stream?.say(LIST_CHANGED);
  stream?.say({ method: 'notifications/resources/updated', params: { uri: 'a:b/c', n: 1 } });
  stream?.say({ method: 'notifications/resources/updated', params: { uri: 'x:y' } });
  stream?.say({ method: 'notifications/message', params: { level: 'info' } });
  expect(
    tools
      .events()
      .slice(1)
      .map((event) => JSON.parse(event ?? '')),
  ).toEqual([{ jsonrpc: '2.0', ...LIST_CHANGED, params: { _meta: { 'io.modelcontextprotocol/subscriptionId': 't' } } }]);
  expect(
    resources
      .events()
      .slice(1)
      .map((event) => JSON.parse(event ?? '').params),
  ).toEqual([{ _meta: { 'io.modelcontextprotocol/subscriptionId': 2 }, uri: 'a:b/c', n: 1 }]);
});

test('the last to leave ends the stream, and what is watched for it alone', async () => {
  const { server, listen } = startListening();
  const [first, second] = [await listen('{"resourceSubscriptions":["a:b"]}', '1'), await listen('{"resourceSubscriptions":["a:b"]}', '2')];
  first.flight.cancel();
  expect(server.of('resources/unsubscribe')).toEqual([]);
  second.flight.cancel();
  expect(server.of('resources/unsubscribe').map(({ message }) => message.params)).toEqual([{ uri: 'a:b' }]);
  expect(server.of('GET')[0]?.isCancelled).toBe(true);
});

test('where the server has no stream, the caller waits on an open one', async () => {
  const { send, server } = startBridge((heard) => heard.sink.fail(new Refusal('method_not_allowed', 'method_not_allowed')));
  const { sink } = send(listenTo('{"toolsListChanged":true}', '1'));
  await eventually(() => (sink.text.includes('acknowledged') ? true : undefined), 'the acknowledgement');
  expect(sink.endings).toBe(0);
  expect(server.of('GET')).toHaveLength(1);
});

test.each([
  [404, '{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}'],
  [400, '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Bad Request: No valid session ID provided"}}'],
])('a session that the server has forgotten (%i) is opened anew for whoever wants to listen', async (status, refusal) => {
  const { server, send } = startBridge((heard) => {
    if (heard.request.upstreamSessionId === 'session-1') heard.json(status, refusal);
    else heard.open();
  });
  const { sink } = send(listenTo('{"toolsListChanged":true}', '1'));
  await eventually(() => (sink.text.includes('acknowledged') ? true : undefined), 'the acknowledgement');
  expect(server.of('GET').map(({ request }) => request.upstreamSessionId)).toEqual(['session-1', 'session-2']);
});

test('a stream that breaks ends the listening, so that the caller knows that it may have missed something', async () => {
  const { server, listen } = startListening();
  const { received } = await listen('{"toolsListChanged":true}', '"mine"');
  server.of('GET')[0]?.sink.fail(new Refusal('upstream_error', 'connection_lost'));
  const ended = await received;
  expect(ended).toMatchObject({ kind: 'stream', text: expect.stringContaining('"id":"mine","result":{"resultType":"complete"') });
});

test('a stream that breaks while somebody joins ends the listening just the same', async () => {
  const { server, send } = startBridge((heard) => {
    if (heard.request.httpMethod === 'GET') return heard.open();
    server.of('GET')[0]?.sink.fail(new Refusal('upstream_error', 'connection_lost'));
    heard.result('{}');
  });
  const { received } = send(listenTo('{"resourceSubscriptions":["a:b"]}', '"mine"'));
  expect(await received).toMatchObject({ kind: 'stream', text: expect.stringContaining('"id":"mine","result":{"resultType":"complete"') });
});

test.each(['null', '[]'])('a notification with %s for its params is told with params of its own', async (params) => {
  const { server, listen } = startListening();
  const { events } = await listen('{"toolsListChanged":true}', '1');
  server.of('GET')[0]?.say({ ...LIST_CHANGED, params: JSON.parse(params) });
  expect(JSON.parse(events()[1] ?? '')).toMatchObject({ ...LIST_CHANGED, params: { _meta: { 'io.modelcontextprotocol/subscriptionId': 1 } } });
});

test('who waits for a stream while the gateway closes is not left waiting', async () => {
  const { bridge, send, server } = startBridge(() => undefined);
  const { received } = send(listenTo('{"toolsListChanged":true}', '1'));
  await eventually(() => server.of('GET')[0], 'the stream being asked for');
  await bridge.close();
  expect(await received).toMatchObject({ kind: 'failure', refusal: { reason: 'draining' } });
});

test('what does not say what it listens to is refused', async () => {
  const { ask } = startListening();
  expect(await ask(modern('subscriptions/listen'))).toMatchObject({ status: 400, value: { error: { code: -32_602 } } });
});
