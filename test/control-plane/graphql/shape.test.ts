/** The shape of a document is judged with its fragments followed, whatever the schema would allow. */
import { parse } from 'graphql';
import { describe, expect, test } from 'vitest';
import { requireShape } from '../../../control-plane/graphql/limits.ts';

const nested = (levels: number, inside = ''): string => (levels === 0 ? inside : `{ a ${nested(levels - 1, inside)} }`);
const judge = (document: string) => () => requireShape(parse(document));

describe('depth', () => {
  test('12 levels pass, 13 do not', () => {
    expect(judge(nested(12))).not.toThrow();
    expect(judge(nested(13))).toThrow('deeper than 12 levels');
  });

  test('a fragment counts wherever it is spread, also when it was met before in a shallow place', () => {
    const fragment = `fragment f on A ${nested(6)}`;
    expect(judge(`${nested(6, '{ ...f }')} ${fragment}`)).not.toThrow();
    expect(judge(`{ ...f a ${nested(6, '{ ...f }')} } ${fragment}`)).toThrow('deeper than 12 levels');
  });

  test('inline fragments add no level', () => {
    expect(judge(nested(12, '{ ... { ... { __typename } } }'))).not.toThrow();
  });

  test('fragments that multiply are refused before they have multiplied', () => {
    const doubling = Array.from({ length: 40 }, (_, index) => `fragment f${index} on A { ...f${index + 1} ...f${index + 1} }`).join(' ');
    expect(judge(`{ ...f0 } ${doubling} fragment f40 on A { a }`)).toThrow('the same field more than 20 times');
    expect(judge(`{ ...f0 } ${doubling} fragment f40 on A { ... { ... { __typename } } }`)).toThrow();
  });

  test('introspection may be as deep as it is', () => {
    expect(judge(`{ __schema ${nested(20)} }`)).not.toThrow();
  });
});

test('aliases and directives of the whole document are counted', () => {
  const aliases = (count: number) => `{ ${Array.from({ length: count }, (_, index) => `x${index}: a`).join(' ')} }`;
  expect(judge(aliases(30))).not.toThrow();
  expect(judge(aliases(31))).toThrow('more than 30 aliases');
  const directives = (count: number) => `{ a ${'@include(if: true) '.repeat(count)} }`;
  expect(judge(directives(50))).not.toThrow();
  expect(judge(directives(51))).toThrow('more than 50 directives');
});
