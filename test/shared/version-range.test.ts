/** Ranges of versions hold what people mean by them, and what is none is refused. */
import { expect, test } from 'vitest';
import { compileVersionRange, versionRangeSchema } from '../../shared/version-range.ts';

test.each([
  ['>=1.2 <2', ['1.2', '1.2.0', '1.10.3', 'v1.9', '1.99.99-beta.1'], ['1.1.9', '2', '2.0.0', '0.9', 'next', '']],
  ['1.2', ['1.2', '1.2.0', '1.2.17', '1.2.3-rc1'], ['1.20', '1', '1.3', '2.2']],
  ['=1.2', ['1.2', '1.2.0', '1.2.0+build'], ['1.2.1', '1.2.0.1']],
  ['>1.2.3', ['1.2.4', '1.3', '10'], ['1.2.3', '1.2']],
  ['<=3', ['3', '3.0', '2.9.9'], ['3.0.1', '4']],
])('%s', (range, inside, outside) => {
  expect(versionRangeSchema.parse(range)).toBe(range);
  const isInRange = compileVersionRange(range);
  expect(inside.filter((version) => !isInRange(version))).toEqual([]);
  expect(outside.filter(isInRange)).toEqual([]);
});

test.each(['', '  ', '>=', '1.x', '^1.2', '>=1.2 || <1', '1..2', '1.2.3.4.5', '>= 1.2', 'latest', '9999999999', `1${' 1'.repeat(60)}`])(
  '%j is no range',
  (range) => {
    expect(versionRangeSchema.safeParse(range).success).toBe(false);
  },
);
