/** The walk accepts what the parser accepts, and nothing else, as long as what stands inside strings is in order. */
import { array, assert, constantFrom, json, nat, oneof, property, tuple } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { skipSpace } from '../../../data-plane/transports/json-members.ts';
import { skipStrictValue } from '../../../data-plane/transports/strict-json.ts';

const TOKENS = '{ } [ ] : , "a" "" "\\"" 1 0 -0.5e+3 01 1. .5 +1 - 1e 2E-7 true tru false null nul e " \\ \n \t \f'.split(' ').concat(' ');
const token = constantFrom(...TOKENS);
const document = json({ stringUnit: constantFrom('a', '{', ']', ',', ' ') });

/** A document with a piece of it replaced by something else. */
const damaged = tuple(document, nat(40), nat(3), oneof(token, constantFrom(''))).map(([text, at, length, piece]) =>
  `${text.slice(0, at)}${piece}${text.slice(at + length)}`.replaceAll('\\', ''),
);

function accepts(text: string): boolean {
  const bytes = Buffer.from(text);
  return skipStrictValue(bytes, skipSpace(bytes, 0)) === bytes.length;
}

/** Control characters and unknown escapes in strings, which the walk does not look at. */
function hasOddStrings(text: string): boolean {
  return text.match(/"(?:[^"\\]|\\.)*"?/gs)?.some((part) => /[\n\t\f]|\\[^"\\]/.test(part)) === true;
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('skipStrictValue', () => {
  test('agrees with the parser on documents, damaged ones, and any tokens at all', () => {
    const tokens = array(token, { maxLength: 12 }).map((all) => all.join(''));
    assert(
      property(oneof(document, damaged, tokens), (text) => {
        if (!hasOddStrings(text)) expect(accepts(`[${text}]`)).toBe(parses(`[${text}]`));
      }),
      { numRuns: 20_000 },
    );
  });

  test('knows the end of long strings, whatever is escaped in them', () => {
    const piece = constantFrom('x'.repeat(60), '\\"', '\\\\', 'é', '\\u0022', ' ');
    assert(
      property(array(piece), (pieces) => {
        const text = `{"a":"${pieces.join('')}"}`;
        expect(accepts(text)).toBe(true);
        expect(accepts(text.slice(0, -2))).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  test('takes nesting that no reader survives for no value, and does not fall over it', () => {
    expect(accepts(`${'['.repeat(4096)}${']'.repeat(4096)}`)).toBe(true);
    expect(accepts(`${'['.repeat(4097)}${']'.repeat(4097)}`)).toBe(false);
    expect(accepts('['.repeat(1_000_000))).toBe(false);
  });
});
