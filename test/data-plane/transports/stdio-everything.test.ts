/** The official everything server through the transport: the same answers as directly, one process for all. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { expect, onTestFinished, test } from 'vitest';
import { rpcCall, toolCall } from '../../support/rpc-call.ts';
import { EVERYTHING, NODE, openTransport, resultOf, send, stdioServer, upstreamRequest } from '../../support/stdio-caller.ts';

const server = stdioServer({}, [EVERYTHING, 'stdio']);

test('lists and calls answer what the server answers directly', async () => {
  const transport = openTransport();
  const direct = new Client({ name: 'test', version: '1.0.0' });
  await direct.connect(new StdioClientTransport({ command: NODE, args: [EVERYTHING, 'stdio'], stderr: 'ignore' }));
  onTestFinished(() => direct.close());
  expect(await resultOf(transport, server, rpcCall('{"jsonrpc":"2.0","id":"l","method":"tools/list"}'))).toEqual(await direct.listTools());
  expect(await resultOf(transport, server, rpcCall('{"jsonrpc":"2.0","id":"l","method":"prompts/list"}'))).toEqual(await direct.listPrompts());
  const args = { message: 'hello — 你好 😀 \u2028' };
  expect(await resultOf(transport, server, toolCall('echo', args))).toEqual(await direct.callTool({ name: 'echo', arguments: args }));
});

test('200 callers with the same id each get their own echo', async () => {
  const transport = openTransport();
  const texts = await Promise.all(
    Array.from({ length: 200 }, async (_, index) => JSON.stringify(await resultOf(transport, server, toolCall('echo', { message: `canary-${index}.` })))),
  );
  for (const [index, text] of texts.entries()) expect(text).toContain(`canary-${index}.`);
});

test('progress of a long operation arrives as events before its answer', async () => {
  const transport = openTransport();
  const call = toolCall('trigger-long-running-operation', { duration: 0.2, steps: 2 }, '"mine"', '{"progressToken":"my-token"}');
  const { text } = await send(transport, upstreamRequest(server, call, { acceptsEventStream: true })).received;
  const events = text
    .split('\n\n')
    .slice(0, -1)
    .map((event) => JSON.parse(event.replace('event: message\ndata: ', '')));
  expect(events.map((event) => event.params?.progressToken ?? event.id)).toEqual(['my-token', 'my-token', 'mine']);
});
