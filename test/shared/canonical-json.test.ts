/** Equal values have one canonical text, and different ones never do. */
import { assert, jsonValue, property, type JsonValue } from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson } from '../../shared/canonical-json.ts';

/** The same value with its members the other way round. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([name, member]) => [name, reversed(member)]),
  );
}

const values = jsonValue({ maxDepth: 5 });

test('the order of members does not matter, and nothing is lost', () => {
  assert(
    property(values, (value) => {
      const text = canonicalJson(value);
      expect(canonicalJson(reversed(value))).toBe(text);
      // What JSON cannot tell from zero is zero.
      expect(JSON.stringify(JSON.parse(text))).toBe(JSON.stringify(JSON.parse(JSON.stringify(JSON.parse(text)))));
      expect(canonicalJson(JSON.parse(text))).toBe(text);
    }),
    { numRuns: 500 },
  );
});

test('two values with the same text are the same value', () => {
  assert(
    property(values, values, (one, other) => {
      const isSame = canonicalJson(one) === canonicalJson(other);
      const plain = (value: JsonValue): unknown => JSON.parse(JSON.stringify(value));
      if (isSame) expect(plain(one)).toEqual(plain(other));
      else expect(JSON.stringify(plain(one))).not.toBe(JSON.stringify(plain(other)));
    }),
    { numRuns: 500 },
  );
});

test('the example of RFC 8785, section 3.2.4', () => {
  const example = JSON.parse(`{
    "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/",
    "literals": [null, true, false]
  }`);
  expect(canonicalJson(example)).toBe(
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  );
});

test('names are sorted by UTF-16 code units, as in section 3.2.3', () => {
  const names = ['\u20ac', '\r', '\ufb33', '1', '\u{1f600}', '\u0080', '\u00f6'];
  const sorted = ['\r', '1', '\u0080', '\u00f6', '\u20ac', '\u{1f600}', '\ufb33'];
  expect(canonicalJson(Object.fromEntries(names.map((name) => [name, 0])))).toBe(`{${sorted.map((name) => `${JSON.stringify(name)}:0`).join(',')}}`);
});

test.each([
  ['half of a pair', '\ud800'],
  ['no number', Number.NaN],
  ['nothing', undefined],
  ['a date', 1n],
])('%s has no canonical form', (_what, value) => {
  expect(() => canonicalJson({ value })).toThrow(TypeError);
});

test('a value that is nested too deeply has none either', () => {
  const deep = JSON.parse('['.repeat(300) + ']'.repeat(300));
  expect(() => canonicalJson(deep)).toThrow(TypeError);
});
