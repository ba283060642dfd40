/** What crosses the gateway is named, and what repeats the body crosses only where it was held against the body. */
import { expect, test } from 'vitest';
import { forwardedHeaders } from '../../../data-plane/transports/forwarded-headers.ts';

const HEADERS = {
  authorization: 'Bearer vk_secret',
  cookie: 'a=b',
  host: 'gateway',
  origin: 'http://localhost',
  'mcp-session-id': 'ours',
  'last-event-id': 'e1',
  'mcp-method': 'tools/call',
  'mcp-name': 'echo',
  'mcp-param-region': '=?base64?w6k=?=',
  'mcp-protocol-version': '2026-07-28',
  traceparent: '00-a-b-01',
};

test('of the modern era, the headers that repeat the body, and every parameter as it came', () => {
  const forwarded = ['mcp-protocol-version', '2026-07-28', 'traceparent', '00-a-b-01', 'mcp-method', 'tools/call', 'mcp-name', 'echo'];
  expect(forwardedHeaders(HEADERS, 'modern')).toEqual([...forwarded, 'mcp-param-region', '=?base64?w6k=?=']);
});

test('of the era with sessions, where a stream is taken up again, and nothing that could pass for a judged header', () => {
  expect(forwardedHeaders(HEADERS, 'legacy')).toEqual(['mcp-protocol-version', '2026-07-28', 'traceparent', '00-a-b-01', 'last-event-id', 'e1']);
});
