/** Session ids open only for the key and the server that they were minted for. */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CLIENT_INFO_LENGTH_MAX } from '../../../data-plane/mcp/client-info.ts';
import { introductionIn } from '../../../data-plane/mcp/introduction.ts';
import { SessionIds } from '../../../data-plane/mcp/session-ids.ts';

const sessions = new SessionIds(randomBytes(32));
const owner = { apiKeyId: 'key_1', serverId: 'srv_1' };
const client = { name: 'claude', version: '1' };

test('an id reads back on any node that has the key', () => {
  const id = sessions.mint(owner, 'upstream-session', client, '{}');
  expect(id).toMatch(/^[\x21-\x7e]+$/);
  expect(sessions.read(id, owner)).toMatchObject({ upstreamSessionId: 'upstream-session', clientName: 'claude', clientVersion: '1', introduction: '{}' });
});

test.each(['"', '\\', '\u0000', '\ud800', '€'])('the longest client of the longest session has an id, whatever it says of itself: %j', (character) => {
  const text = character.repeat(CLIENT_INFO_LENGTH_MAX);
  const introduction = longestIntroduction(character);
  const here = new SessionIds(randomBytes(32), `http://${'n'.repeat(253)}:65535`);
  const id = here.mintHere(owner, '"'.repeat(512), { name: text, version: text }, introduction);
  expect(here.read(id, owner)).toMatchObject({ upstreamSessionId: '"'.repeat(512), introduction });
});

/** The longest that is kept. */
function longestIntroduction(character: string): string {
  for (let length = 1024; length > 0; length--) {
    const capabilities = { [character.repeat(length)]: {} };
    const introduction = introductionIn({ params: { protocolVersion: '2025-11-25', capabilities, clientInfo: { name: 'c', version: '1' } } });
    if (introduction !== null) return introduction;
  }
  throw new Error('no introduction is kept');
}

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

test('an id of a session that lives on a node says which, to whoever has the key, and opens like any other', () => {
  const key = randomBytes(32);
  const id = new SessionIds(key, 'http://10.0.0.1:8080').mintHere(owner, 'upstream-session', client, '{}');
  const elsewhere = new SessionIds(key, 'http://10.0.0.2:8080');
  expect(elsewhere.nodeOf(id)).toBe('http://10.0.0.1:8080');
  expect(elsewhere.read(id, owner)).toMatchObject({ upstreamSessionId: 'upstream-session', introduction: '{}' });
  expect(new SessionIds(randomBytes(32)).nodeOf(id)).toBeUndefined();
  expect(elsewhere.nodeOf(elsewhere.mint(owner, 'upstream-session', client, '{}'))).toBeUndefined();
  expect(elsewhere.nodeOf(new SessionIds(key).mintHere(owner, 'upstream-session', client, '{}'))).toBeUndefined();
});

test('the node of an id cannot be changed', () => {
  const here = new SessionIds(randomBytes(32), 'http://10.0.0.1:8080');
  const id = here.mintHere(owner, 'upstream-session', client, '{}');
  for (let at = 0; at < id.length - 1; at++) {
    const changed = id.slice(0, at) + (id[at] === 'A' ? 'B' : 'A') + id.slice(at + 1);
    expect(here.nodeOf(changed)).toBeUndefined();
  }
});
