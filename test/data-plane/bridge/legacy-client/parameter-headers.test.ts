/** Arguments that a tool wants in headers: they are learned when the server misses them, once, from all pages of its list. */
import { expect, test } from 'vitest';
import { startBridgedCaller } from '../../../support/bridged-caller.ts';
import { rpcCall, toolCall } from '../../../support/rpc-call.ts';

const MISSING = '{"jsonrpc":"2.0","id":1,"error":{"code":-32020,"message":"Mcp-Param-Region is missing"}}';
const RESULT = '{"jsonrpc":"2.0","id":1,"result":{}}';
const SCHEMA = {
  properties: {
    region: { type: 'string', 'x-mcp-header': 'Region' },
    deep: { properties: { flag: { type: 'boolean', 'x-mcp-header': 'Flag' }, count: { type: 'integer', 'x-mcp-header': 'Count' } } },
    absent: { type: 'string', 'x-mcp-header': 'Absent' },
    forged: { type: 'string', 'x-mcp-header': 'two words' },
  },
  anyOf: [{ properties: { other: { 'x-mcp-header': 'Other' } } }],
};

function page(tools: object[], nextCursor?: string): string {
  return JSON.stringify({ jsonrpc: '2.0', id: 'turnpike', result: { tools, nextCursor } });
}

test('the call is made once more with the headers, and later ones have them at once', async () => {
  const caller = startBridgedCaller();
  const session = await caller.open();
  const call = toolCall('travel', { region: 'Österreich', deep: { flag: true, count: 3 }, forged: 'x', other: 'y' });
  const { sink } = caller.send(call, session);
  caller.calls()[0]?.answer(MISSING, { status: 400 });
  (await caller.inner.at(3)).answer(page([{ name: 'echo', inputSchema: {} }], 'next'));
  const second = await caller.inner.at(4);
  expect([second.text.includes('"cursor":"next"'), second.header('mcp-method')]).toEqual([true, 'tools/list']);
  second.answer(page([{ name: 'travel', inputSchema: SCHEMA }]));
  const repeated = await caller.inner.at(5);
  expect(repeated.text).toBe(caller.calls()[0]?.text);
  expect(repeated.request.forwardedHeaders.filter((value) => value.startsWith('mcp-param'))).toEqual(['mcp-param-region', 'mcp-param-flag', 'mcp-param-count']);
  expect([repeated.header('mcp-param-region'), repeated.header('mcp-param-flag'), repeated.header('mcp-param-count')]).toEqual([
    `=?base64?${Buffer.from('Österreich').toString('base64')}?=`,
    'true',
    '3',
  ]);
  repeated.answer(RESULT);
  expect(await sink.received).toMatchObject({ kind: 'answer', text: RESULT });
  caller.send(toolCall('travel', { region: 'eu' }), session);
  expect((await caller.inner.at(6)).header('mcp-param-region')).toBe('eu');
});

test('a server that is not content with them either is believed', async () => {
  const caller = startBridgedCaller();
  const { sink } = caller.send(toolCall('travel', { region: 'eu' }), await caller.open());
  caller.calls()[0]?.answer(MISSING, { status: 400 });
  (await caller.inner.at(3)).answer(page([{ name: 'travel', inputSchema: SCHEMA }]));
  (await caller.inner.at(4)).answer(MISSING, { status: 400 });
  expect(await sink.received).toMatchObject({ kind: 'answer', head: { status: 200 }, text: MISSING });
});

test('a call that was cancelled meanwhile is not made again', async () => {
  const caller = startBridgedCaller();
  const session = await caller.open();
  caller.send(toolCall('travel', { region: 'eu' }), session);
  caller.calls()[0]?.answer(MISSING, { status: 400 });
  const list = await caller.inner.at(3);
  await caller.send(rpcCall('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}'), session).sink.received;
  list.answer(page([{ name: 'travel', inputSchema: SCHEMA }]));
  const { sink } = caller.send(toolCall('travel', { region: 'us' }, '2'), session);
  (await caller.inner.at(4)).answer(RESULT);
  await sink.received;
  expect(caller.calls().map(({ text }) => text.includes('"region":"eu"'))).toEqual([true, false, false]);
});
