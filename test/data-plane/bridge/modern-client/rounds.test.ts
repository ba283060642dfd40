/** Questions of a server during a call: the caller gets them as a round, and only its own answers go on with its own call. */
import { describe, expect, test } from 'vitest';
import { Refusal } from '../../../../shared/refusal.ts';
import { CAPABLE, modern, startBridge } from '../../../support/modern-bridge.ts';
import { eventually } from '../../../support/processes.ts';
import type { Heard } from '../../../support/scripted-transport.ts';
import { stdioServer } from '../../../support/stdio-caller.ts';

const QUESTION = { id: 'q-1', method: 'elicitation/create', params: { message: 'who?' } };
const CALL = '"name":"book","arguments":{"seat":1}';

function round(params: string, id = '"again"', meta = '') {
  return modern('tools/call', { params, id, meta, capabilities: CAPABLE });
}

/** A server that asks when it is called, and answers when the test says so. */
function startAsking(limits: Parameters<typeof startBridge>[1] = {}, ...questions: object[]) {
  const bridge = startBridge((heard) => {
    if (heard.request.httpMethod === 'GET') return heard.open();
    for (const question of questions.length === 0 ? [QUESTION] : questions) heard.say(question);
  }, limits);
  const begin = async () => (await bridge.ask(round(CALL, '"first"'))).value;
  const call = (): Heard => {
    const [heard] = bridge.server.of('tools/call');
    if (heard === undefined) throw new Error('the server was not called');
    return heard;
  };
  const answers = () => bridge.server.of('POST').map(({ text }) => text);
  return { ...bridge, begin, call, answers };
}

const retryOf = (state: string, responses: string, call = CALL) => round(`${call},"inputResponses":{${responses}},"requestState":${JSON.stringify(state)}`);

test('the caller answers in a further round, and gets the answer to its call under its new id', async () => {
  const { begin, send, call, answers } = startAsking();
  const { id, result } = await begin();
  expect({ id, ...result }).toMatchObject({
    id: 'first',
    resultType: 'input_required',
    inputRequests: { 'question-1': { method: 'elicitation/create', params: { message: 'who?' } } },
    requestState: expect.stringMatching(/^[\w-]{43}$/),
  });
  const { received } = send(retryOf(result.requestState, '"question-1":{"action":"accept","content":{"n":1.0}},"unknown":{}'));
  expect(answers()).toEqual(['{"jsonrpc":"2.0","id":"q-1","result":{"action":"accept","content":{"n":1.0}}}']);
  call().result('{"content":[]}');
  expect(await received).toMatchObject({ kind: 'answer', text: expect.stringContaining('"id":"again","result":{"resultType":"complete"') });
});

test('what is asked in one breath is asked in one round, and what is not answered again', async () => {
  const { begin, ask, answers } = startAsking({}, QUESTION, { ...QUESTION, id: 2, method: 'sampling/createMessage' });
  const { result } = await begin();
  expect(Object.keys(result.inputRequests)).toEqual(['question-1', 'question-2']);
  const { value } = await ask(retryOf(result.requestState, '"question-2":{}'));
  expect(value).toMatchObject({ id: 'again', result: { resultType: 'input_required', inputRequests: { 'question-1': { method: 'elicitation/create' } } } });
  expect(Object.keys(value.result.inputRequests)).toEqual(['question-1']);
  expect(value.result.requestState).not.toBe(result.requestState);
  expect(answers()).toEqual(['{"jsonrpc":"2.0","id":2,"result":{}}']);
});

test('a caller who is back hears of progress under the token of its new request', async () => {
  const { server, send, ask } = startAsking();
  const { result } = (await ask(round(CALL, '1', '"progressToken":1'))).value;
  const again = `${CALL},"inputResponses":{"question-1":{}},"requestState":${JSON.stringify(result.requestState)}`;
  const { sink } = send(round(again, '2', '"progressToken":2'));
  const [call] = server.of('tools/call');
  call?.say({ method: 'notifications/progress', params: { progressToken: call.message.params?.['_meta']?.progressToken, progress: 1 } });
  expect(sink.text).toContain('"params":{"progressToken":2,"progress":1}');
});

test('an answer that comes while the caller is away waits for it', async () => {
  const { begin, call, ask } = startAsking();
  const { result } = await begin();
  call().result('{"content":[],"late":true}');
  expect((await ask(retryOf(result.requestState, '"question-1":{}'))).value.result).toMatchObject({ resultType: 'complete', late: true });
});

describe('a round is lost', () => {
  const LOST = { code: 'not_bridgeable', reason: 'round_lost' };

  test('for a state that nobody was given', async () => {
    const { begin, ask } = startAsking();
    await begin();
    await expect(ask(retryOf('made-up', '"question-1":{}'))).rejects.toMatchObject(LOST);
  });

  test('for another key, which takes nothing from the one that it belongs to', async () => {
    const { begin, ask, answers, send } = startAsking();
    const { result } = await begin();
    await expect(ask(retryOf(result.requestState, '"question-1":{}'), { apiKeyId: 'key_2' })).rejects.toMatchObject(LOST);
    expect(answers()).toEqual([]);
    send(retryOf(result.requestState, '"question-1":{}'));
    expect(answers()).toHaveLength(1);
  });

  test('for another call than the one that rules have judged', async () => {
    const { begin, ask, answers } = startAsking();
    const { result } = await begin();
    const other = CALL.replace('"seat":1', '"seat":2');
    await expect(ask(retryOf(result.requestState, '"question-1":{}', other))).rejects.toMatchObject(LOST);
    expect(answers()).toEqual([]);
  });

  test('once it was used', async () => {
    const { begin, ask, send } = startAsking();
    const { result } = await begin();
    send(retryOf(result.requestState, '"question-1":{}'));
    await expect(ask(retryOf(result.requestState, '"question-1":{}'))).rejects.toMatchObject(LOST);
  });

  test('after its time, and the server is told', async () => {
    const { begin, ask, server, call } = startAsking({ parkedMillisMax: 1 });
    const { result } = await begin();
    const cancelled = await eventually(() => server.of('notifications/cancelled')[0], 'the end of the call');
    expect(cancelled.message.params).toMatchObject({ requestId: call().message.id });
    await expect(ask(retryOf(result.requestState, '"question-1":{}'))).rejects.toMatchObject(LOST);
  });
});

test('a call that has begun is never sent again, whatever the server says to the answers', async () => {
  const { begin, server, send } = startAsking();
  const { result } = await begin();
  server.refuseResponses = new Refusal('mcp_not_found', 'unknown_session');
  expect(await send(retryOf(result.requestState, '"question-1":{}')).received).toMatchObject({ kind: 'failure', refusal: { reason: 'unknown_session' } });
  expect(server.of('tools/call')).toHaveLength(1);
});

test('nor is one about which the server has asked on the stream that belongs to no call', async () => {
  const { server, ask, send } = startBridge((heard) => heard.request.httpMethod === 'GET' && heard.open());
  const asking = ask(round(CALL));
  await eventually(() => server.of('tools/call')[0], 'the call');
  server.of('GET')[0]?.say(QUESTION);
  const { result } = (await asking).value;
  server.refuseResponses = new Refusal('mcp_not_found', 'unknown_session');
  expect(await send(retryOf(result.requestState, '"question-1":{}')).received).toMatchObject({ kind: 'failure', refusal: { reason: 'unknown_session' } });
  expect(server.of('tools/call')).toHaveLength(1);
});

test('answers reach the call that waits for them, also when the server has turned out to need no bridge meanwhile', async () => {
  let isModernOnly = false;
  const { server, ask, send } = startBridge(
    (heard) => (heard.request.httpMethod === 'GET' ? heard.open() : heard.say(QUESTION)),
    {},
    () => isModernOnly,
  );
  const { result } = (await ask(round(CALL))).value;
  isModernOnly = true;
  send(retryOf(result.requestState, '"question-1":{"action":"accept"}'));
  expect(server.of('tools/call')).toHaveLength(1);
  expect(server.of('POST').map(({ text }) => text)).toEqual(['{"jsonrpc":"2.0","id":"q-1","result":{"action":"accept"}}']);
});

test('a server is told when nobody can be asked', async () => {
  const { server, send } = startBridge((heard) => heard.say(QUESTION));
  const refused = async () => (await eventually(() => server.of('POST').at(-1), 'the answer')).text;
  send(modern('tools/call', { params: CALL }));
  expect(await refused()).toBe('{"jsonrpc":"2.0","id":"q-1","error":{"code":-32601,"message":"the client cannot be asked this"}}');
});

test('a server that asks for more rounds than may wait is told so', async () => {
  const { begin, server, send } = startAsking({ parkedPerKeyMax: 1 });
  await begin();
  send(round(CALL));
  expect(await eventually(() => server.of('POST')[0], 'the answer')).toMatchObject({ text: expect.stringContaining('-32601') });
});

test('a ping is answered, and no caller hears of it', async () => {
  const { server, send } = startBridge((heard) => heard.say({ id: 9, method: 'ping' }));
  const { sink } = send(modern('tools/call', { params: CALL }));
  expect(await eventually(() => server.of('POST')[0], 'the answer')).toMatchObject({ text: '{"jsonrpc":"2.0","id":9,"result":{}}' });
  expect(sink.text).toBe('');
});

test('a question on the stream that belongs to no call is about the only one under way', async () => {
  const { server, send, ask } = startBridge((heard) => heard.request.httpMethod === 'GET' && heard.open());
  const asking = ask(round(CALL));
  await eventually(() => server.of('tools/call')[0], 'the call');
  server.of('GET')[0]?.say(QUESTION);
  expect((await asking).value.result).toMatchObject({ resultType: 'input_required' });
  send(round(CALL));
  send(round(CALL));
  await eventually(() => server.of('tools/call')[2], 'two further calls');
  server.of('GET')[0]?.say({ ...QUESTION, id: 'q-2' });
  expect(await eventually(() => server.of('POST')[0], 'the refusal')).toMatchObject({ text: expect.stringContaining('"id":"q-2","error"') });
});

test('a question that comes while the caller is away is asked in the next round', async () => {
  const { begin, server, ask } = startAsking();
  const { result } = await begin();
  server.of('GET')[0]?.say({ ...QUESTION, id: 'q-2' });
  const { value } = await ask(retryOf(result.requestState, '"question-1":{}'));
  expect(Object.keys(value.result.inputRequests)).toEqual(['question-2']);
});

test('over one channel, the stream on which a question is heard says nothing of whose it is', async () => {
  const { server, send } = startBridge((heard) => heard.request.httpMethod === 'GET' && heard.open());
  const changes = { server: stdioServer() };
  send(round(CALL), changes);
  send(round(CALL), changes);
  const second = await eventually(() => server.of('tools/call')[1], 'both calls');
  second.say(QUESTION);
  expect(await eventually(() => server.of('POST')[0], 'the refusal')).toMatchObject({ text: expect.stringContaining('"id":"q-1","error"') });
});
