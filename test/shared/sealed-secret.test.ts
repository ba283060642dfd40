/** Sealed secrets open in their own place with their own key, and nowhere else. */
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { SecretKey } from '../../shared/secret-key.ts';
import { SecretSealer } from '../../shared/sealed-secret.ts';

const place = { organisationId: 'org_1', ownerId: 'srv_1', field: 'auth.token' };
const sealer = new SecretSealer(new SecretKey(randomBytes(32).toString('base64')));

test('a sealed secret opens again, and its box does not hold it', () => {
  const sealed = sealer.seal('the secret – ✓', place);
  expect(sealer.open(sealed, place)).toBe('the secret – ✓');
  expect(Buffer.from(sealed.box, 'base64').includes('secret')).toBe(false);
});

test.each([{ organisationId: 'org_2' }, { ownerId: 'srv_2' }, { field: 'auth.password' }])('moved to another place it does not open: %o', (elsewhere) => {
  const sealed = sealer.seal('secret', place);
  expect(() => sealer.open(sealed, { ...place, ...elsewhere })).toThrow();
});

test('a changed box does not open', () => {
  const sealed = sealer.seal('secret', place);
  const box = Buffer.from(sealed.box, 'base64');
  box.writeUInt8(box.readUInt8(14) ^ 1, 14);
  expect(() => sealer.open({ ...sealed, box: box.toString('base64') }, place)).toThrow();
});

test('another key is named, and does not open it', () => {
  const other = new SecretSealer(new SecretKey(randomBytes(32).toString('base64')));
  expect(() => other.open(sealer.seal('secret', place), place)).toThrow(/sealed by key/);
});

test.each(['', 'short', Buffer.alloc(16).toString('base64')])('%j is no secret key', (text) => {
  expect(() => new SecretKey(text)).toThrow(/openssl rand/);
});

test('a secret key does not print itself', () => {
  const text = randomBytes(32).toString('base64');
  expect(JSON.stringify({ key: new SecretKey(text) })).not.toContain(text);
});
