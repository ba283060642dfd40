/** Whether a run of the conformance suite fails when it should. */
import { expect, test } from 'vitest';
import { compare, staleExceptions, type Results } from './comparison.ts';
import type { ConformanceException } from './exceptions.ts';
import type { SuiteResult } from './suite.ts';

const EXCEPTION: ConformanceException = { transport: 'STDIO', requirements: '2025-11-25', check: 'resumes', reason: 'there are no event ids' };

const resultOf = (...passed: string[]): SuiteResult => ({ passed, failed: [], isConformant: true, output: '' });

function resultsOf(governed: SuiteResult, changes: Partial<Results> = {}): Results {
  return { transport: 'STDIO', requirements: '2025-11-25', direct: resultOf('answers', 'resumes'), governed, ...changes };
}

test('a check that passes directly alone is lost, unless the table says why', () => {
  expect(compare(resultsOf(resultOf()), [EXCEPTION])).toMatchObject({ lost: ['answers'], excepted: [EXCEPTION] });
});

test('an exception holds for its own transport and requirement set', () => {
  expect(compare(resultsOf(resultOf('answers'), { transport: 'HTTP+SSE' }), [EXCEPTION]).lost).toEqual(['resumes']);
  expect(compare(resultsOf(resultOf('answers'), { requirements: '2026-07-28' }), [EXCEPTION]).lost).toEqual(['resumes']);
});

test('an exception whose check passes, or is not made at all, is stale', () => {
  const needed = compare(resultsOf(resultOf('answers')), [EXCEPTION]);
  expect(staleExceptions([needed], [EXCEPTION])).toEqual([]);
  expect(staleExceptions([compare(resultsOf(resultOf('answers', 'resumes')), [EXCEPTION])], [EXCEPTION])).toEqual([EXCEPTION]);
  expect(staleExceptions([compare(resultsOf(resultOf(), { direct: resultOf('answers') }), [EXCEPTION])], [EXCEPTION])).toEqual([EXCEPTION]);
  expect(staleExceptions([], [EXCEPTION])).toEqual([EXCEPTION]);
});
