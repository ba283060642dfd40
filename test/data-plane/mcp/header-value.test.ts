/** Values in headers: what can stand there does, and everything else can be read back. */
import { expect, test } from 'vitest';
import { headerValueOf } from '../../../data-plane/mcp/header-value.ts';

test.each(['a', 'tools/call', 'two words', 'a\tb', '=?utf-8?x?='])('%j stands as it is', (text) => {
  expect(headerValueOf(text)).toBe(text);
});

test.each(['', ' a', 'a ', 'ö', 'a\r\nb', '\u2028', '=?base64?YQ==?=', '=?BASE64?YQ==?='])('%j is encoded', (text) => {
  const [, encoded = ''] = /^=\?base64\?(.*)\?=$/.exec(headerValueOf(text)) ?? [];
  expect(Buffer.from(encoded, 'base64').toString('utf8')).toBe(text);
});
