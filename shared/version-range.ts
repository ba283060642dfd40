/** Ranges of versions, as a client names its own: comparators that must all hold, such as `>=1.2 <2`, or the beginning of a version. */
import { z } from 'zod';

const RANGE_LENGTH_MAX = 100;
const COMPARATOR = /^(>=|<=|>|<|=)?(\d{1,9}(?:\.\d{1,9}){0,3})$/;
const VERSION = /^v?(\d{1,9}(?:\.\d{1,9}){0,3})(?![\d.])/;

export const versionRangeSchema = z
  .string()
  .trim()
  .min(1)
  .max(RANGE_LENGTH_MAX)
  .refine(
    (text) => comparatorsIn(text).every((comparator) => COMPARATOR.test(comparator)),
    'must be comparators such as ">=1.2 <2", or a version such as "1.2"',
  );

/** What stands behind the numbers, such as `-beta.1`, is not judged; a version without numbers is in no range. The range must have passed `versionRangeSchema`. */
export function compileVersionRange(range: string): (version: string) => boolean {
  const tests = comparatorsIn(range).map(compileComparator);
  return (version) => {
    const parts = partsOf(VERSION.exec(version)?.[1]);
    return parts !== undefined && tests.every((test) => test(parts));
  };
}

function comparatorsIn(range: string): string[] {
  return range.trim().split(/\s+/);
}

function compileComparator(text: string): (version: readonly number[]) => boolean {
  const [, operator, number] = COMPARATOR.exec(text) ?? [];
  const bound = partsOf(number) ?? [];
  switch (operator) {
    case '>=':
      return (version) => compare(version, bound) >= 0;
    case '<=':
      return (version) => compare(version, bound) <= 0;
    case '>':
      return (version) => compare(version, bound) > 0;
    case '<':
      return (version) => compare(version, bound) < 0;
    case '=':
      return (version) => compare(version, bound) === 0;
    default:
      return (version) => bound.every((part, index) => (version[index] ?? 0) === part);
  }
}

function partsOf(number: string | undefined): number[] | undefined {
  return number?.split('.').map(Number);
}

/** A part that is missing is zero. */
function compare(one: readonly number[], other: readonly number[]): number {
  for (let index = 0; index < Math.max(one.length, other.length); index++) {
    const difference = (one[index] ?? 0) - (other[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
