/** A plane believes the other one when it proves that it has the same key, for a moment and once. */
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { PlaneProofs } from '../../shared/plane-proofs.ts';

const KEY = randomBytes(32);
const AT = 1_800_000_000_000;
const proofsAt = (millis: number, key = KEY) => new PlaneProofs(key, { now: () => millis, elapsed: () => millis });
const accepts = (node: PlaneProofs, path: string, body: Buffer, proof: string) => node.accept(path, proof)?.is(body) === true;
const BODY = Buffer.from('{"asked":"é"}');

test('what was proved for a path and a body is accepted there, once', () => {
  const proof = proofsAt(AT).prove('/v1/explain', BODY);
  const node = proofsAt(AT + 29_000);
  expect(accepts(node, '/v1/explain', BODY, proof)).toBe(true);
  expect(accepts(node, '/v1/explain', BODY, proof)).toBe(false);
});

test.each([
  ['another path', '/v1/call', BODY, AT, KEY],
  ['another body', '/v1/explain', Buffer.from('{}'), AT, KEY],
  ['another key', '/v1/explain', BODY, AT, randomBytes(32)],
  ['a moment long ago', '/v1/explain', BODY, AT + 30_001, KEY],
  ['a moment to come', '/v1/explain', BODY, AT - 30_001, KEY],
])('a proof for %s is none', (_what, path, body, now, key) => {
  expect(accepts(proofsAt(now, key), path, body, proofsAt(AT).prove('/v1/explain', BODY))).toBe(false);
});

test.each(['', 'x', '1 2 3 4', `${AT} ${'a'.repeat(22)} ${'b'.repeat(43)} ${'c'.repeat(43)}`])('%j is no proof', (header) => {
  expect(proofsAt(AT).accept('/v1/explain', header)).toBeUndefined();
});

test('a used proof stays used for as long as it could be believed', () => {
  let now = AT;
  const node = new PlaneProofs(KEY, { now: () => now, elapsed: () => now });
  const early = proofsAt(AT + 30_000).prove('/v1/explain', BODY);
  expect(accepts(node, '/v1/explain', BODY, early)).toBe(true);
  now = AT + 59_999;
  expect(accepts(node, '/v1/explain', BODY, proofsAt(now).prove('/v1/explain', BODY))).toBe(true);
  expect(accepts(node, '/v1/explain', BODY, early)).toBe(false);
});

test('an answer is believed with the proof that it answers to, and with no other', () => {
  const proof = proofsAt(AT).prove('/v1/explain', BODY);
  const answered = proofsAt(AT).proveAnswer(proof, 'yes');
  expect(proofsAt(AT).believesAnswer(proof, 'yes', answered)).toBe(true);
  expect(proofsAt(AT).believesAnswer(proof, 'no', answered)).toBe(false);
  expect(proofsAt(AT).believesAnswer(proofsAt(AT).prove('/v1/explain', BODY), 'yes', answered)).toBe(false);
  expect(proofsAt(AT, randomBytes(32)).believesAnswer(proof, 'yes', answered)).toBe(false);
});
