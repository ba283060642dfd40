/** What is hashed is fixed for ever: a chain that was written years ago must still hold. */
import { expect, test } from 'vitest';
import { canonicalJson, chainHash } from '../../../control-plane/audit/audit-chain.ts';

const EVENT = {
  organisationId: 'org_1',
  position: '1',
  id: 'aud_1',
  occurredAt: '2026-01-02T03:04:05.678901Z',
  actorKind: 'ADMIN_TOKEN',
  actorId: 'adm_1',
  action: 'createServer',
  targetId: 'srv_1',
  targetLabel: 'tools',
  before: null,
  after: { name: 'Zoë', 'a-b': [1, 2.5, null], b: { d: true, c: '"' } },
  requestId: 'req_1',
};

test('canonical JSON has no white space, and members in the order of their names, however deep', () => {
  expect(canonicalJson({ b: { d: 1e21, c: 'ü"\n' }, a: [{ z: null, y: 0.1 }, true] })).toBe('{"a":[{"y":0.1,"z":null},true],"b":{"c":"ü\\"\\n","d":1e+21}}');
});

test('the hash is SHA-256 over the hash before and the canonical JSON of the event', () => {
  expect(chainHash(null, EVENT)).toBe('c960c8106c84791660b215a451b9c97be96ffd9d539dd385d2249a4f3b02d417');
  expect(chainHash('0'.repeat(64), { ...EVENT, position: '2' })).toBe('858ec2447b6ee8fc58faa862e24ac91f61ca41fc1eadf182813bcdb4803172ee');
});

test.each(Object.keys(EVENT))('%s is a part of what is hashed', (member) => {
  expect(chainHash(null, { ...EVENT, [member]: 'another' })).not.toBe(chainHash(null, EVENT));
});

test('hashes that are stored beside the event are not hashed with it', () => {
  const stored = { ...EVENT, hash: 'x', previousHash: 'y' };
  expect(chainHash(null, stored)).toBe(chainHash(null, EVENT));
});
