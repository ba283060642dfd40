/** The scanner agrees with the parser on every valid document. */
import { assert, constantFrom, json, jsonValue, property, string, tuple, array, type Arbitrary } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findMember, findTopLevelValue, membersOf } from '../../../data-plane/transports/json-members.ts';

const space: Arbitrary<string> = array(constantFrom(' ', '\n', '\r', '\t'), { maxLength: 3 }).map((parts) => parts.join(''));

/** `"id"` in one of its spellings. */
const spelling = constantFrom('"id"', '"\\u0069d"', '"i\\u0064"', '"\\u0069\\u0064"');

describe('findTopLevelValue', () => {
  test('finds exactly the bytes of the value among any other members, spaces and spellings', () => {
    const other = tuple(
      string({ unit: 'binary' }).filter((key) => key !== 'id'),
      json(),
    );
    assert(
      property(array(other), json(), array(other), spelling, space, (before, value, after, key, gap) => {
        const members = [
          ...before.map(([name, text]) => `${JSON.stringify(name)}${gap}:${text}`),
          `${key}${gap}:${gap}${value}`,
          ...after.map(([name, text]) => `${JSON.stringify(name)}:${gap}${text}`),
        ];
        const bytes = Buffer.from(`${gap}{${gap}${members.join(`${gap},${gap}`)}${gap}}${gap}`);
        const found = findTopLevelValue(bytes, 'id');
        expect(found).toBeDefined();
        expect(bytes.toString('utf8', found?.start, found?.end)).toBe(value);
      }),
    );
  });

  test('finds nothing where the parser finds nothing', () => {
    assert(
      property(jsonValue(), (value) => {
        const hasId = typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, 'id');
        expect(findTopLevelValue(Buffer.from(JSON.stringify(value, null, 2)), 'id') !== undefined).toBe(hasId);
      }),
    );
  });

  test.each([
    ['an id inside another member', '{"params":{"id":1},"list":[{"id":2}]}'],
    ['an id that is a value', '{"key":"id","x":"\\"id\\":3"}'],
    ['an id that stands there twice', '{"id":1,"\\u0069d":2}'],
    ['an array', '[{"id":1}]'],
    ['an empty object', '{}'],
    ['nothing', ''],
  ])('takes %s for none', (_name, text) => {
    expect(findTopLevelValue(Buffer.from(text), 'id')).toBeUndefined();
  });

  test('ends on any bytes at all', () => {
    assert(
      property(string({ unit: constantFrom('{', '}', '[', ']', '"', '\\', ':', ',', 'i', 'd', ' ', '1') }), (text) => {
        const found = findTopLevelValue(Buffer.from(text), 'id');
        expect(found === undefined || found.end <= text.length).toBe(true);
      }),
      { numRuns: 5000, examples: [['{"id"'], ['{"id\\']] },
    );
  });
});

describe('findMember', () => {
  test('looks in the object of the range alone', () => {
    const bytes = Buffer.from('{"params":{"a":{"token":1},"token":"t\\""},"token":3}');
    const params = findTopLevelValue(bytes, 'params');
    const token = params === undefined ? undefined : findMember(bytes, params, 'token');
    expect(bytes.toString('utf8', token?.start, token?.end)).toBe('"t\\""');
  });
});

describe('membersOf', () => {
  test('names every member as it is meant, and finds exactly the bytes of its value', () => {
    assert(
      property(array(tuple(string({ unit: 'binary' }), json())), space, (given, gap) => {
        const members = given.map(([name, text]) => `${JSON.stringify(name)}${gap}:${gap}${text}`);
        const bytes = Buffer.from(`{${gap}${members.join(`${gap},${gap}`)}${gap}}`);
        const found = membersOf(bytes, { start: 0, end: bytes.length });
        expect(found.map(({ name, value }) => [name, bytes.toString('utf8', value.start, value.end)])).toEqual(given);
      }),
    );
  });

  test('finds none in what is no object', () => {
    const bytes = Buffer.from('[{"a":1}]');
    expect(membersOf(bytes, { start: 0, end: bytes.length })).toEqual([]);
  });
});
