/** A variable of ours that is misspelt is refused with the name that was meant; one that is set to nothing is not set. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { editDistance, KNOWN_VARIABLES, nearestName, unknownVariables, withoutEmpty } from '../../bin/known-environment.ts';

const NAMES = KNOWN_VARIABLES.map(({ name }) => name);
const WORD = fc.string({ maxLength: 12, unit: fc.constantFrom(...'ABC_') });

test.each([
  ['TURNPIKE_HOTS', 'TURNPIKE_HOST'],
  ['TURNPIKE_SECRET', 'TURNPIKE_SECRET_KEY'],
  ['TURNPIKE_DATADIR', 'TURNPIKE_DATA_DIR'],
  ['TURNPIKE_LOGLEVEL', 'TURNPIKE_LOG_LEVEL'],
  ['TURNPIKE_REDIS_URL', 'REDIS_URL'],
  ['TURNPIKE_DATABASE_URL', 'DATABASE_URL'],
  ['TURNPIKE_DATA_PLANE_PORT', 'DATA_PLANE_PORT'],
])('%s is refused, and %s is what was meant', (given, meant) => {
  expect(unknownVariables({ [given]: 'value' })).toEqual([`${given} is not a variable of Turnpike: did you mean ${meant}?`]);
});

test('several wrong ones are all named, and none of their values', () => {
  const sentences = unknownVariables({ TURNPIKE_HOTS: 'canary', TURNPIKE_HOST: 'fine', TURNPIKE_DATA: 'canary' });
  expect(sentences).toHaveLength(2);
  expect(sentences.join(' ')).toMatch(/TURNPIKE_HOTS.*TURNPIKE_DATA /);
  expect(sentences.join(' ')).not.toContain('canary');
});

test('what is known, what is in demo.env and what is not ours is left alone', () => {
  const foreign = { PATH: '/bin', CONTROL_PLANE_PROT: '1', turnpike_host: 'x', TURNPIKE: '1' };
  expect(unknownVariables({ ...Object.fromEntries(NAMES.map((name) => [name, 'x'])), ...foreign, TURNPIKE_API_KEY: 'x', TURNPIKE_GRAPHQL_URL: 'x' })).toEqual(
    [],
  );
});

test('a known name is nearest to itself, and stays so with any one character more, less or other', () => {
  const edits = fc.tuple(fc.constantFrom(...NAMES), fc.nat(), fc.constantFrom('insert', 'delete', 'replace'), fc.constantFrom(...'QXZ'));
  fc.assert(
    fc.property(edits, ([name, seed, kind, letter]) => {
      expect(nearestName(name, NAMES)).toBe(name);
      // The prefix must stay whole: by it a name is known to be meant for us.
      const first = name.startsWith('TURNPIKE_') ? 'TURNPIKE_'.length : 0;
      const at = first + (seed % (name.length - first));
      const changed = name.slice(0, at) + (kind === 'delete' ? '' : letter) + name.slice(kind === 'insert' ? at : at + 1);
      expect(nearestName(changed, NAMES)).toBe(name);
    }),
  );
});

test('the nearest name is one that no other is nearer than', () => {
  fc.assert(
    fc.property(WORD, fc.array(WORD, { minLength: 1, maxLength: 6 }), (given, names) => {
      const nearest = nearestName(given, names);
      expect(nearest === undefined ? -1 : editDistance(given, nearest)).toBe(Math.min(...names.map((name) => editDistance(given, name))));
    }),
  );
});

test('the distance is a distance: zero for the same, the same both ways, never longer by a detour, one for one edit', () => {
  fc.assert(
    fc.property(WORD, WORD, WORD, fc.nat(), (one, other, third, seed) => {
      expect(editDistance(one, other) === 0).toBe(one === other);
      expect(editDistance(one, other)).toBe(editDistance(other, one));
      expect(editDistance(one, third)).toBeLessThanOrEqual(editDistance(one, other) + editDistance(other, third));
      const at = seed % (one.length + 1);
      expect(editDistance(one, `${one.slice(0, at)}!${one.slice(at)}`)).toBe(1);
    }),
  );
  expect(editDistance('kitten', 'sitting')).toBe(3);
});

test('a known variable that is set to nothing is not set; what is not ours is kept as it is', () => {
  const kept = { DATA_PLANE_PORT: '8081', OTHER: '', TURNPIKE_UNKNOWN: '' };
  expect(withoutEmpty({ ...kept, CONTROL_PLANE_PORT: '', TURNPIKE_HOST: '' })).toEqual(kept);
});
