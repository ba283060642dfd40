/** The GET stream of a bridged session: what the server is asked to announce, and what of it is heard. */
import { expect, test } from 'vitest';
import { EVENTS_HEAD, toEvent } from '../../../../data-plane/transports/answer-forms.ts';
import { DISCOVERED, startBridgedCaller } from '../../../support/bridged-caller.ts';
import { rpcCall } from '../../../support/rpc-call.ts';
import type { SentRequest } from '../../../support/played-server.ts';

const ACKNOWLEDGED = '{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{}}';
const CHANGED = '{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"n":1.0}}';

function say(sent: SentRequest, text: string): void {
  sent.sink.write(toEvent(Buffer.from(text)));
}

function subscription(method: string, uri: string) {
  return rpcCall(`{"jsonrpc":"2.0","id":7,"method":"resources/${method}","params":{"uri":"${uri}"}}`);
}

async function listening(caller = startBridgedCaller()) {
  const session = await caller.open();
  const { sink, flight } = caller.send(undefined, session);
  const sent = await caller.inner.at(2);
  sent.sink.open(EVENTS_HEAD);
  return { caller, session, sink, flight, sent };
}

test('the server is asked for the changes that it can announce', async () => {
  const { sent } = await listening();
  expect(sent.request).toMatchObject({ httpMethod: 'POST', acceptsEventStream: true });
  expect(sent.header('mcp-method')).toBe('subscriptions/listen');
  expect(sent.text).toContain('"notifications":{"toolsListChanged":true,"resourcesListChanged":true}');
});

test('notifications pass as they came, without the word that they will come', async () => {
  const { sent, sink, flight } = await listening();
  say(sent, ACKNOWLEDGED);
  say(sent, CHANGED);
  expect(sink.text).toBe(`event: message\ndata: ${CHANGED}\n\n`);
  flight.cancel();
  expect(sent.isCancelled).toBe(true);
});

test('a subscription is listened to from then on, and the stream before it ends only once it is', async () => {
  const { caller, session, sink, sent } = await listening();
  await caller.send(subscription('subscribe', 'a://b'), session).sink.received;
  const second = await caller.inner.at(3);
  expect(second.text).toContain('"resourceSubscriptions":["a://b"]');
  say(sent, CHANGED);
  expect(sent.isCancelled).toBe(false);
  second.sink.open(EVENTS_HEAD);
  say(second, ACKNOWLEDGED);
  expect(sent.isCancelled).toBe(true);
  say(second, CHANGED);
  expect(sink.text).toBe(`event: message\ndata: ${CHANGED}\n\n`.repeat(2));
  await caller.send(subscription('unsubscribe', 'a://b'), session).sink.received;
  expect((await caller.inner.at(4)).text).not.toContain('resourceSubscriptions');
});

test('of several subscriptions in quick succession only the last is listened to, whichever the server acknowledges first', async () => {
  const { caller, session, sink, sent } = await listening();
  for (const uri of ['a://b', 'a://c']) await caller.send(subscription('subscribe', uri), session).sink.received;
  const [second, third] = [await caller.inner.at(3), await caller.inner.at(4)];
  third.sink.open(EVENTS_HEAD);
  say(third, ACKNOWLEDGED);
  expect([sent.isCancelled, second.isCancelled, third.isCancelled]).toEqual([true, true, false]);
  expect(sink.endings).toBe(0);
});

test('a client that leaves before its new subscription is acknowledged leaves no stream behind', async () => {
  const { caller, session, sent, flight } = await listening();
  await caller.send(subscription('subscribe', 'a://b'), session).sink.received;
  const second = await caller.inner.at(3);
  flight.cancel();
  expect([sent.isCancelled, second.isCancelled]).toEqual([true, true]);
});

test('what was subscribed to before there was a stream is listened to as well', async () => {
  const caller = startBridgedCaller();
  const session = await caller.open();
  await caller.send(subscription('subscribe', 'a://b'), session).sink.received;
  caller.send(undefined, session);
  expect((await caller.inner.at(2)).text).toContain('"resourceSubscriptions":["a://b"]');
});

test('a stream of the server that ends or breaks ends that of the client, who opens another', async () => {
  const { sent, sink } = await listening();
  sent.sink.end();
  expect(await sink.received).toMatchObject({ kind: 'stream', text: '' });
});

test('a server that announces nothing, or refuses to, leaves the stream silent', async () => {
  const silent = startBridgedCaller({ discovered: { ...DISCOVERED, capabilities: { tools: {} } } });
  const { sink } = silent.send(undefined, await silent.open());
  const refusing = startBridgedCaller();
  const refused = refusing.send(undefined, await refusing.open());
  (await refusing.inner.at(2)).answer('{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"none"}}', { status: 404 });
  expect([sink.endings, refused.sink.endings, silent.calls()]).toEqual([0, 0, []]);
});

test('a later stream takes the place of an earlier one', async () => {
  const { caller, session, sink, sent } = await listening();
  caller.send(undefined, session);
  await caller.inner.at(3);
  expect(await sink.received).toMatchObject({ kind: 'stream' });
  expect(sent.isCancelled).toBe(true);
});
