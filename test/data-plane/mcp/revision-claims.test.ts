/** Only a request that stands alone is one without an end: what is not limited must not be a way around limits. */
import { expect, test } from 'vitest';
import { listens, standsAlone } from '../../../data-plane/mcp/revision-claims.ts';
import { rpcCall } from '../../support/rpc-call.ts';

const request = (method: string, meta = '{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}') =>
  `{"jsonrpc":"2.0","id":1,"method":"${method}","params":{"_meta":${meta}}}`;

test('a GET listens, and so does a request that asks for it', () => {
  expect(listens(undefined)).toBe(true);
  expect(listens(rpcCall(request('subscriptions/listen')))).toBe(true);
});

test.each([
  ['another method', request('tools/list')],
  ['the method without a claim', request('subscriptions/listen', '{}')],
  ['a batch that begins with it', `[${request('subscriptions/listen')},${request('tools/list', '{}')}]`],
])('%s does not', (_what, body) => {
  expect(listens(rpcCall(body))).toBe(false);
});

test('a message stands alone by what its own metadata claim', () => {
  expect(standsAlone(rpcCall(request('ping')))).toBe(true);
  expect(standsAlone(rpcCall(request('ping', '{"progressToken":1}')))).toBe(false);
  expect(standsAlone(rpcCall('{"jsonrpc":"2.0","id":1,"method":"ping"}'))).toBe(false);
  expect(standsAlone(rpcCall('{"jsonrpc":"2.0","id":1,"method":"ping","params":["io.modelcontextprotocol/protocolVersion"]}'))).toBe(false);
});
