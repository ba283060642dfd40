/** Questions of a server that asks by its results: they reach the client as requests, and its answers go back with the call. */
import { describe, expect, test } from 'vitest';
import { startBridgedCaller, type BridgedCaller } from '../../../support/bridged-caller.ts';
import { eventually } from '../../../support/processes.ts';
import { rpcCall, toolCall } from '../../../support/rpc-call.ts';
import type { KeepingSink } from '../../../support/stdio-caller.ts';

const CAPABILITIES = { elicitation: {}, sampling: {} };
const RESULT = '"result":{"resultType":"complete","n":1.0}}';
const FORM = '{"message":"Who?","requestedSchema":{"maximum":1e400}}';

function asks(id: string, requests: string, state = ''): string {
  return `{"jsonrpc":"2.0","id":${id},"result":{"resultType":"input_required","inputRequests":${requests}${state}}}`;
}

/** The ids of the questions that the caller has heard so far, as many as the test waits for. */
function questionIds(sink: KeepingSink, count: number): Promise<string[]> {
  const read = () => [...sink.text.matchAll(/"id":("turnpike-[^"]+")/g)].map(([, id = '']) => id);
  return eventually(() => (read().length >= count ? read() : undefined), `${count} questions`);
}

function idOf(text = ''): string {
  return /"id":("[^"]*"|\d+)/.exec(text)?.[1] ?? '';
}

async function called(caller: BridgedCaller, capabilities: object = CAPABILITIES, changes: object = {}) {
  const session = await caller.open(capabilities);
  const { sink, flight } = caller.send(toolCall('ask', {}, '7', '{"progressToken":1.0}'), { ...session, ...changes });
  return { session, sink, flight, answer: (idToken: string, rest: string) => caller.send(rpcCall(`{"jsonrpc":"2.0","id":${idToken},${rest}}`), session) };
}

test('a call goes up again under a new id with the answers and the very state, and its result comes back under its own', async () => {
  const caller = startBridgedCaller();
  const { sink, answer } = await called(caller);
  caller.calls()[0]?.answer(asks('7', `{"näme" : {"method":"elicitation/create","params":${FORM}}}`, ',"requestState":"s\\u0041\\/"'));
  const [id = ''] = await questionIds(sink, 1);
  expect(sink.text).toBe(`event: message\ndata: {"jsonrpc":"2.0","id":${id},"method":"elicitation/create","params":${FORM}}\n\n`);
  const taken = answer(id, '"result": {"action":"accept","content":{"age":1.0}}');
  expect(await taken.sink.received).toMatchObject({ kind: 'answer', head: { status: 202 } });
  const again = await caller.inner.at(3);
  const first = caller.calls()[0]?.text ?? '';
  expect(idOf(again.text)).toMatch(/^"turnpike-/);
  expect(again.text).toBe(
    first
      .replace('"id":7', `"id":${idOf(again.text)}`)
      .replace('"params":{', '"params":{"inputResponses":{"näme":{"action":"accept","content":{"age":1.0}}},"requestState":"s\\u0041\\/",'),
  );
  again.answer(`{"jsonrpc":"2.0","id":${idOf(again.text)},${RESULT}`);
  const received = await sink.received;
  expect(received.text.endsWith(`event: message\ndata: {"jsonrpc":"2.0","id":7,${RESULT}\n\n`)).toBe(true);
});

test('a server that wants nothing but to be called again is called again', async () => {
  const caller = startBridgedCaller();
  const { sink } = await called(caller, {}, { acceptsEventStream: false });
  caller.calls()[0]?.answer('{"jsonrpc":"2.0","id":7,"result":{"resultType":"input_required","requestState":"later"}}');
  const again = await caller.inner.at(3);
  expect(again.text).toContain('"requestState":"later"');
  again.answer(`{"jsonrpc":"2.0","id":${idOf(again.text)},${RESULT}`);
  expect(await sink.received).toMatchObject({ kind: 'answer', text: `{"jsonrpc":"2.0","id":7,${RESULT}` });
});

test('questions may stand at the end of a stream, and there may be several', async () => {
  const caller = startBridgedCaller();
  const { sink, answer } = await called(caller);
  const progress = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1.0}}';
  const both = `{"a":{"method":"elicitation/create","params":${FORM}},"b":{"method":"sampling/createMessage"}}`;
  caller.calls()[0]?.stream(progress, asks('7', both));
  const [first = '', second = ''] = await questionIds(sink, 2);
  expect(sink.text).toContain(progress);
  expect(sink.text).not.toContain('input_required');
  answer(second, '"result":{"role":"assistant"}');
  answer(first, '"error":{"code":-1,"message":"no"}');
  const again = await caller.inner.at(3);
  // A person who does not choose is the one error that has a word in this direction.
  expect(again.text).toContain('"inputResponses":{"a":{"action":"cancel"},"b":{"role":"assistant"}}');
});

test('only the session that was asked can answer, and only once', async () => {
  const caller = startBridgedCaller();
  const { sink, answer } = await called(caller);
  caller.calls()[0]?.answer(asks('7', '{"b":{"method":"sampling/createMessage"}}'));
  const [id = ''] = await questionIds(sink, 1);
  const strangers = rpcCall(`{"jsonrpc":"2.0","id":${id},"result":{"from":"a stranger"}}`);
  const other = caller.send(strangers, await caller.open(CAPABILITIES));
  expect(await other.sink.received).toMatchObject({ head: { status: 202 } });
  answer('"turnpike-other"', '"result":{}');
  answer(id, '"result":{"from":"the client"}');
  expect(await answer(id, '"result":{"from":"too late"}').sink.received).toMatchObject({ head: { status: 202 } });
  const texts = await eventually(() => (caller.calls().length > 1 ? caller.calls().map(({ text }) => text) : undefined), 'the next round');
  expect(texts.filter((text) => text.includes('inputResponses'))).toEqual([expect.stringContaining('"b":{"from":"the client"}')]);
});

describe('the call ends as not bridgeable', () => {
  test.each([
    ['a capability that the client has not declared', {}, {}, '{"a":{"method":"sampling/createMessage"}}'],
    ['one of which it has declared another kind', CAPABILITIES, {}, '{"a":{"method":"elicitation/create","params":{"mode":"url"}}}'],
    ['a caller that takes no event stream', CAPABILITIES, { acceptsEventStream: false }, '{"a":{"method":"sampling/createMessage"}}'],
    ['a question that no client knows', CAPABILITIES, {}, '{"a":{"method":"vendor/ask"}}'],
  ])('for %s', async (_, capabilities, changes, requests) => {
    const caller = startBridgedCaller();
    const { sink } = await called(caller, capabilities, changes);
    caller.calls()[0]?.answer(asks('7', requests));
    expect(await sink.received).toMatchObject({ kind: 'failure', refusal: { code: 'not_bridgeable', reason: 'unanswerable_question' } });
  });

  test('when the client answers with an error that has no word', async () => {
    const caller = startBridgedCaller();
    const { sink, answer } = await called(caller);
    caller.calls()[0]?.answer(asks('7', '{"b":{"method":"sampling/createMessage"}}'));
    const [id = ''] = await questionIds(sink, 1);
    answer(id, '"error":{"code":-1,"message":"no"}');
    expect(await sink.received).toMatchObject({ kind: 'failure', refusal: { reason: 'unanswerable_question' } });
  });

  test('when the server does not stop asking', async () => {
    const caller = startBridgedCaller();
    const { sink } = await called(caller);
    const state = (text: string) => `{"jsonrpc":"2.0","id":${idOf(text)},"result":{"resultType":"input_required","requestState":"again"}}`;
    void sink.received.then(() => undefined);
    for (let round = 0; round <= 20; round++) {
      const sent = await caller.inner.at(2 + round);
      sent.answer(state(sent.text));
    }
    expect(await sink.received).toMatchObject({ kind: 'failure', refusal: { reason: 'unanswerable_question' } });
  });
});

test('a session that ends takes its calls along, and whoever was asked is not waited for', async () => {
  const caller = startBridgedCaller();
  const { sink, session, answer } = await called(caller);
  caller.calls()[0]?.answer(asks('7', '{"b":{"method":"sampling/createMessage"}}'));
  const [id = ''] = await questionIds(sink, 1);
  await caller.send(undefined, { ...session, httpMethod: 'DELETE' }).sink.received;
  expect(await sink.received).toMatchObject({ kind: 'failure' });
  expect(await answer(id, '"result":{}').sink.received).toMatchObject({ refusal: { reason: 'unknown_session' } });
  expect(caller.calls()).toHaveLength(1);
});
