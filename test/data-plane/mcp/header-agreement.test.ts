/** Rules judge the body, so headers that say something else are refused before any rule is asked. */
import { describe, expect, test } from 'vitest';
import { eraOf } from '../../../data-plane/mcp/header-agreement.ts';
import { Refusal } from '../../../shared/refusal.ts';
import { rpcCall } from '../../support/rpc-call.ts';

const CLAIM = '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}';
const CALL = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo",${CLAIM}}}`;
const HEADERS = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'echo' };

function judge(body: string, headers: Readonly<Record<string, string | undefined>>): string {
  try {
    return eraOf(rpcCall(body), { header: (name) => headers[name] });
  } catch (error) {
    if (error instanceof Refusal) return error.reason;
    throw error;
  }
}

const encoded = (text: string) => `=?base64?${Buffer.from(text).toString('base64')}?=`;

describe('a request that claims its revision', () => {
  test('is modern when its headers say the same', () => {
    expect(judge(CALL, HEADERS)).toBe('modern');
  });

  test.each([
    ['no revision', { 'mcp-protocol-version': undefined }],
    ['another revision', { 'mcp-protocol-version': '2025-11-25' }],
    ['no method', { 'mcp-method': undefined }],
    ['another method', { 'mcp-method': 'tools/list' }],
    ['the method in other letters', { 'mcp-method': 'TOOLS/CALL' }],
    ['no name', { 'mcp-name': undefined }],
    ['another name', { 'mcp-name': 'delete_file' }],
    ['another name, encoded', { 'mcp-name': encoded('delete_file') }],
    ['a name that is not Base64', { 'mcp-name': '=?base64?%%%?=' }],
  ])('is refused with %s in the headers', (_what, headers) => {
    expect(judge(CALL, { ...HEADERS, ...headers })).toBe('header_mismatch');
  });

  test('may have its name in Base64', () => {
    expect(judge(CALL.replace('"echo"', '"écho"'), { ...HEADERS, 'mcp-name': encoded('écho') })).toBe('modern');
  });

  test('repeats the URI of a resource, and nothing where a method names nothing', () => {
    const read = `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"test://a",${CLAIM}}}`;
    expect(judge(read, { ...HEADERS, 'mcp-method': 'resources/read', 'mcp-name': 'test://a' })).toBe('modern');
    const list = `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{${CLAIM}}}`;
    expect(judge(list, { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/list' })).toBe('modern');
  });

  test('is refused with a revision that nobody knows', () => {
    expect(judge(CALL.replace('2026-07-28', '2099-01-01'), { ...HEADERS, 'mcp-protocol-version': '2099-01-01' })).toBe('unsupported_protocol_version');
  });

  test('is refused with a revision that is no text', () => {
    expect(judge(CALL.replace('"2026-07-28"', '20260728'), HEADERS)).toBe('missing_metadata');
  });

  test('cannot be part of a batch', () => {
    expect(judge(`[{"jsonrpc":"2.0","id":2,"method":"ping"},${CALL}]`, {})).toBe('invalid_jsonrpc');
  });
});

describe('a message without a claim', () => {
  const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

  test.each([undefined, '2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'])('is legacy with the revision %s in its header', (revision) => {
    expect(judge(ping, { 'mcp-protocol-version': revision })).toBe('legacy');
    expect(judge(`[${ping}]`, { 'mcp-protocol-version': revision })).toBe('legacy');
  });

  test('is refused when its header is of the era in which requests claim', () => {
    expect(judge(ping, HEADERS)).toBe('missing_metadata');
    expect(judge(`[${ping}]`, HEADERS)).toBe('invalid_jsonrpc');
  });

  test('is modern by its header when it is a notification', () => {
    expect(judge('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}', HEADERS)).toBe('modern');
  });

  test('is refused with a revision that nobody knows', () => {
    expect(judge(ping, { 'mcp-protocol-version': '1999-01-01' })).toBe('unsupported_protocol_version');
  });
});
