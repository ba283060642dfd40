/** Tokens: their form, their checksum, and the keyed hash that stands for them. */
import { createHmac, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hasValidChecksum, mintToken, readToken, redactTokens, TokenHasher } from '../../shared/token.ts';

test.each([
  ['apiKey', 'vk_'],
  ['adminToken', 'tpa_'],
  ['dataPlaneToken', 'tpd_'],
  ['invitation', 'tpi_'],
  ['session', 'tps_'],
] as const)('a minted %s begins with %s, reads back and has a valid checksum', (kind, beginning) => {
  const { token, publicId, prefix } = mintToken(kind);
  expect(token.startsWith(beginning)).toBe(true);
  expect(readToken(token)).toEqual({ kind, publicId, prefix });
  expect(hasValidChecksum(token)).toBe(true);
});

test('a changed character breaks the checksum', () => {
  const { token } = mintToken('apiKey');
  const at = token.length - 20;
  const changed = token.slice(0, at) + (token[at] === 'a' ? 'b' : 'a') + token.slice(at + 1);
  expect(hasValidChecksum(changed)).toBe(false);
});

test('the hash is HMAC-SHA-256, call after call', () => {
  const key = randomBytes(32);
  const hasher = new TokenHasher(key);
  const text = fc.string({ maxLength: 60, unit: fc.constantFrom(...'abcXYZ019_') });
  fc.assert(fc.property(text, (token) => hasher.hash(token) === createHmac('sha256', key).update(token).digest('base64url')));
});

test('anything but a token is malformed, however long', () => {
  fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => readToken(text).kind === 'malformed'));
  expect(readToken('vk_'.padEnd(1_000_000, 'a')).kind).toBe('malformed');
});

test('a token in a text leaves only its prefix', () => {
  const { token, prefix } = mintToken('apiKey');
  expect(redactTokens(`key=${token};`)).toBe(`key=${prefix}_[redacted];`);
});
