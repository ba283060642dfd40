/** What a child says to its client beside answers: heard once, by the right client, on the right stream, and answered by nobody else. */
import { expect, test } from 'vitest';
import { toolCall } from '../../support/rpc-call.ts';
import { eventually } from '../../support/processes.ts';
import { isolatedServer, KeepingSink, openTransport, type TransportParts } from '../../support/stdio-caller.ts';
import { messagesOf, SessionCaller, untilMessages } from '../../support/stdio-session-caller.ts';

const notice = (data: string): string => `{"method":"notifications/message","jsonrpc":"2.0","params":{"level":"info","data":"${data}","exact":1.50}}`;
const question = (id: string, method = 'sampling/createMessage'): string =>
  `{"id":${id},"method":"${method}","jsonrpc":"2.0","params":{"big":12345678901234567890}}`;

const openSession = (limits: TransportParts['limits'] = {}) => SessionCaller.open(openTransport({ limits }), isolatedServer());
const repliesOf = async (session: SessionCaller): Promise<unknown> => (await session.result('told'))['replies'];
const untilReplies = (session: SessionCaller, count: number): Promise<unknown[]> =>
  eventually(async () => {
    const replies = await repliesOf(session);
    return Array.isArray(replies) && replies.length >= count ? replies : undefined;
  }, `${count} replies`);

test('the stream carries what came before it, between two streams and while it is open, each message once and in order', async () => {
  const session = await openSession();
  await session.result('say', { lines: [notice('before'), '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'] });
  const first = session.listen();
  expect(await untilMessages(first.sink, 2)).toEqual([notice('before'), '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}']);
  await session.result('say', { lines: [notice('live')] });
  await untilMessages(first.sink, 3);
  first.flight.cancel();
  await session.result('say', { lines: [notice('between'), question('7')] });
  const second = session.listen();
  expect(await untilMessages(second.sink, 2)).toEqual([notice('between'), question('7')]);
  await session.result('say', { lines: [notice('last')] });
  expect(messagesOf(second.sink)).toEqual([notice('between'), question('7'), notice('last')]);
  expect(messagesOf(first.sink)).toHaveLength(3);
});

test('a later stream takes the place of an earlier one', async () => {
  const session = await openSession();
  const [first, second] = [session.listen(), session.listen()];
  expect(await first.received).toMatchObject({ kind: 'stream', head: { status: 200, contentType: 'text/event-stream' }, text: '' });
  first.flight.cancel();
  await session.result('say', { lines: [notice('x')] });
  expect(await untilMessages(second.sink, 1)).toEqual([notice('x')]);
});

test('a message reaches the client of its child and no other', async () => {
  const transport = openTransport();
  const [mine, other] = [await SessionCaller.open(transport, isolatedServer()), await SessionCaller.open(transport, isolatedServer())];
  const [heard, silent] = [mine.listen(), other.listen()];
  await mine.result('say', { lines: [notice('x'), question('1')] });
  await untilMessages(heard.sink, 2);
  await other.result('pid');
  expect(silent.sink.text).toBe('');
  await other.post('{"jsonrpc":"2.0","id":1,"result":{"from":"another"}}');
  expect(await repliesOf(mine)).toEqual([]);
  expect(await repliesOf(other)).toEqual([]);
});

test('the client’s answer to an open request reaches the child byte for byte, and only the first one', async () => {
  const session = await openSession();
  const { sink } = session.listen();
  await session.result('say', { lines: [question('"q\\u0031"'), question('12')] });
  await untilMessages(sink, 2);
  const answers = ['{"jsonrpc":"2.0","id":"q1","result":{"n":12345678901234567890,"f":1.0}}', '{"jsonrpc":"2.0","id":12,"error":{"code":-1,"message":"no"}}'];
  for (const body of [
    '{"jsonrpc":"2.0","id":"12","result":{"made":"up"}}',
    '{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"whose?"}}',
    ...answers,
    ...answers,
  ]) {
    expect(await session.post(body)).toMatchObject({ kind: 'answer', head: { status: 202 }, text: '' });
  }
  expect(await repliesOf(session)).toEqual(answers);
});

test('a request that nobody hears in time is answered with an error, and is not told afterwards', async () => {
  const session = await openSession({ unheardMillis: 100 });
  await session.result('say', { lines: [question('"x\\u0031"')] });
  expect(await untilReplies(session, 1)).toEqual(['{"jsonrpc":"2.0","id":"x\\u0031","error":{"code":-32603,"message":"The client does not listen"}}']);
  const { sink } = session.listen();
  await session.result('say', { lines: [notice('x')] });
  expect(await untilMessages(sink, 1)).toEqual([notice('x')]);
  await session.post('{"jsonrpc":"2.0","id":"x1","result":{}}');
  expect(await repliesOf(session)).toHaveLength(1);
});

test('so much may wait and be open, and no more', async () => {
  const transport = openTransport({ limits: { unheardMessagesMax: 2, openQuestionsMax: 1, unheardBytesMax: 1000 } });
  const session = await SessionCaller.open(transport, isolatedServer());
  await session.result('say', { lines: [notice('x'.repeat(1000)), notice('a'), notice('b'), notice('c'), question('1')] });
  expect(await untilReplies(session, 1)).toMatchObject([expect.stringContaining('"id":1,"error"')]);
  expect(transport.noise).toMatchObject({ droppedNotifications: 2, refusedRequests: 1 });
  const { sink } = session.listen();
  expect(await untilMessages(sink, 2)).toEqual([notice('a'), notice('b')]);
  await session.result('say', { lines: [question('2'), question('3')] });
  expect(await untilReplies(session, 2)).toMatchObject([{}, expect.stringContaining('"id":3,"error"')]);
  expect(messagesOf(sink)).toEqual([notice('a'), notice('b'), question('2')]);
});

test('a slow reader gets everything that can wait, once and in order', async () => {
  const session = await openSession();
  const { sink, flight } = session.listen(new KeepingSink(() => false));
  await session.result('say', { lines: [notice('1'), notice('2'), question('3')] });
  expect(messagesOf(sink)).toEqual([notice('1')]);
  flight.resume();
  flight.resume();
  expect(messagesOf(sink)).toEqual([notice('1'), notice('2'), question('3')]);
});

test('a ping is the client’s to answer when it listens, and is answered for it when it does not', async () => {
  const session = await openSession();
  await session.result('say', { lines: [question('"p1"', 'ping')] });
  expect(await untilReplies(session, 1)).toEqual(['{"jsonrpc":"2.0","id":"p1","result":{}}']);
  const { sink } = session.listen();
  await session.result('say', { lines: [question('"p2"', 'ping')] });
  expect(await untilMessages(sink, 1)).toEqual([question('"p2"', 'ping')]);
  expect(await repliesOf(session)).toHaveLength(1);
});

test('a request that the child withdraws is withdrawn from its client, or never told', async () => {
  const session = await openSession();
  const withdrawal = (id: string): string => `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id}}}`;
  await session.result('say', { lines: [question('1'), withdrawal('1'), withdrawal('99')] });
  const { sink } = session.listen();
  await session.result('say', { lines: [question('2'), withdrawal('2')] });
  expect(await untilMessages(sink, 2)).toEqual([question('2'), withdrawal('2')]);
  await session.post('{"jsonrpc":"2.0","id":2,"result":{}}');
  expect(await repliesOf(session)).toEqual([]);
});

test('a client that does not listen hears on the stream of its call, when there is one call that it could be about', async () => {
  const session = await openSession();
  await session.result('say', { lines: [notice('before')] });
  const call = toolCall('say', { lines: [notice('x'), question('5')] });
  const { text } = await session.request({ call, acceptsEventStream: true }).received;
  expect(text.split('\n\n').slice(0, 2)).toEqual([notice('x'), question('5')].map((message) => `event: message\ndata: ${message}`));
  const answer = '{"jsonrpc":"2.0","id":5,"result":{}}';
  await session.post(answer);
  expect(await repliesOf(session)).toEqual([answer]);
  session.call('hang');
  expect(await session.request({ call, acceptsEventStream: true }).received).toMatchObject({ kind: 'answer' });
  expect(await untilMessages(session.listen().sink, 3)).toEqual([notice('before'), notice('x'), question('5')]);
});

test('progress goes to the stream of its call with the caller’s token, and never to the other stream', async () => {
  const session = await openSession();
  const { sink } = session.listen();
  const call = toolCall('progress', { steps: 2 }, '1', '{"progressToken":"mine"}');
  const { text } = await session.request({ call, acceptsEventStream: true }).received;
  expect(text.match(/"progressToken":"mine","progress":\d/g)).toEqual(['"progressToken":"mine","progress":1', '"progressToken":"mine","progress":2']);
  const silent = await session.request({ call }).received;
  expect(silent.kind).toBe('answer');
  expect((await untilMessages(sink, 2)).map((message) => JSON.parse(message).method)).toEqual(['notifications/message', 'notifications/message']);
});

test('what is not UTF-8, no plain message, or has no id that a client could answer with, is not told', async () => {
  const session = await openSession();
  const { sink } = session.listen();
  const unanswerable = ['null', '{"a":1}', `"${'x'.repeat(1024)}"`];
  const mixtures = ['"id":1,"method":"roots/list","result":{"tools":[]}', '"method":"notifications/message","error":{}'].map(
    (rest) => `{"jsonrpc":"2.0",${rest}}`,
  );
  await session.result('say', { lines: [...unanswerable.map((id) => question(id)), ...mixtures, notice('after')] });
  expect(await untilReplies(session, 3)).toMatchObject(unanswerable.map((id) => expect.stringContaining(`"id":${id},"error"`)));
  await session.result('mumble');
  await session.result('say', { lines: [notice('last')] });
  expect(messagesOf(sink)).toEqual([notice('after'), notice('last')]);
});
