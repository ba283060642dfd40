/** Session ids open only for the key and the server that they were minted for. */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SessionIds } from '../../../data-plane/mcp/session-ids.ts';

const sessions = new SessionIds(randomBytes(32));
const owner = { apiKeyId: 'key_1', serverId: 'srv_1' };
const client = { name: 'claude', version: '1' };

test('an id reads back on any node that has the key', () => {
  const id = sessions.mint(owner, 'upstream-session', client, '{}');
  expect(id).toMatch(/^[\x21-\x7e]+$/);
  expect(sessions.read(id, owner)).toMatchObject({ upstreamSessionId: 'upstream-session', clientName: 'claude', clientVersion: '1', introduction: '{}' });
});

test.each([{ apiKeyId: 'key_2' }, { serverId: 'srv_2' }])('for somebody else it is unknown: %o', (other) => {
  expect(sessions.read(sessions.mint(owner, 'upstream-session', client, '{}'), { ...owner, ...other })).toBeUndefined();
});

test('a changed character anywhere makes it unknown', () => {
  const id = sessions.mint(owner, 'upstream-session', client, '{}');
  fc.assert(
    fc.property(fc.nat(id.length - 1), fc.constantFrom(...'abcXYZ.-_'), (at, character) => {
      const changed = id.slice(0, at) + character + id.slice(at + 1);
      // The last letter of base64url holds two unused bits, which do not change what it stands for.
      return changed === id || at === id.length - 1 || sessions.read(changed, owner) === undefined;
    }),
  );
});

test('what was never minted is unknown, however it looks', () => {
  fc.assert(fc.property(fc.string({ maxLength: 3000 }), (id) => sessions.read(id, owner) === undefined));
});
