/** A node believes where a request came from when another node proves it, and nobody else. */
import { randomBytes } from 'node:crypto';
import { createServer, get, type IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { CARRIED_HEADER, NodeProofs } from '../../../data-plane/nodes/node-proofs.ts';
import { listenOnLoopback } from '../../support/loopback.ts';

const KEY = randomBytes(32);
const ORIGIN = { clientIp: '203.0.113.7', localAddress: '10.0.0.1' };
const AT = 1_800_000_000_000;

const proofsAt = (millis: number, key = KEY) => new NodeProofs(key, { now: () => millis, elapsed: () => millis });

/** A request as it arrives, of which the parts that are proved may be changed. */
async function arriving(path = '/v1/mcp/files'): Promise<IncomingMessage> {
  const arrived = Promise.withResolvers<IncomingMessage>();
  const { origin, close } = await listenOnLoopback(createServer((request) => arrived.resolve(request)));
  onTestFinished(close);
  get(origin + path).on('error', () => undefined);
  return arrived.promise;
}

test('what one node proves, another one with the same key believes', async () => {
  const request = await arriving();
  request.headers[CARRIED_HEADER] = proofsAt(AT).prove(request, ORIGIN);
  expect(proofsAt(AT + 30_000).originOf(request)).toEqual(ORIGIN);
  expect(proofsAt(AT, randomBytes(32)).originOf(request)).toBeUndefined();
});

test('a request that was carried by nobody comes from where its connection comes from', async () => {
  expect(proofsAt(AT).originOf(await arriving())).toEqual({ clientIp: '127.0.0.1', localAddress: '127.0.0.1' });
});

test.each([
  ['is old', AT + 30_001],
  ['comes from the future', AT - 30_001],
])('a proof that %s is none', async (_what, now) => {
  const request = await arriving();
  request.headers[CARRIED_HEADER] = proofsAt(AT).prove(request, ORIGIN);
  expect(proofsAt(now).originOf(request)).toBeUndefined();
});

test('a proof holds for the method and the path that it was made for', async () => {
  const request = await arriving();
  const proof = proofsAt(AT).prove(request, ORIGIN);
  for (const other of [{ url: '/v1/mcp/other' }, { method: 'DELETE' }]) {
    const changed = Object.assign(await arriving(), other);
    changed.headers[CARRIED_HEADER] = proof;
    expect(proofsAt(AT).originOf(changed)).toBeUndefined();
  }
});

test('no other text is a proof, however near it is to one', async () => {
  const request = await arriving();
  const proof = proofsAt(AT).prove(request, ORIGIN);
  const others = fc.oneof(
    fc.string({ unit: 'binary-ascii' }),
    fc.tuple(fc.nat(proof.length - 2), fc.constantFrom(...'0aZ .:_')).map(([at, letter]) => proof.slice(0, at) + letter + proof.slice(at + 1)),
  );
  fc.assert(
    fc.property(others, (text) => {
      request.headers[CARRIED_HEADER] = text;
      return text === proof || proofsAt(AT).originOf(request) === undefined;
    }),
  );
});
