/** Tells people what a run has found. */
import type { Comparison } from './comparison.ts';
import type { ConformanceException } from './exceptions.ts';
import type { SuiteResult } from './suite.ts';

const COLUMN_WIDTHS = [28, 14, 24, 24, 12];

export function toReport(comparisons: readonly Comparison[], stale: readonly ConformanceException[]): string {
  const lines = [
    toRow(['transport', 'requirements', 'directly', 'through the gateway', 'excepted', 'lost']),
    ...comparisons.map(toComparisonRow),
    ...comparisons.flatMap(({ transport, requirements, lost }) => section(`${transport}, ${requirements}: passes directly and not through the gateway`, lost)),
    ...section(
      'Excepted',
      comparisons.flatMap(({ excepted }) => excepted.map(toLine)),
    ),
    ...section('Exceptions to be taken out: these checks pass, or were not made', stale.map(toLine)),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function toComparisonRow({ transport, requirements, direct, governed, excepted, lost }: Comparison): string {
  return toRow([transport, requirements, countsOf(direct), countsOf(governed), String(excepted.length), lost.length === 0 ? 'none' : String(lost.length)]);
}

function toRow(cells: readonly string[]): string {
  return cells.map((cell, index) => cell.padEnd(COLUMN_WIDTHS[index] ?? 0)).join('');
}

function countsOf({ passed, failed }: SuiteResult): string {
  return `${passed.length} passed, ${failed.length} failed`;
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)];
}

function toLine({ transport, requirements, check, reason }: ConformanceException): string {
  return `${transport}, ${requirements}: ${check}\n    because ${reason}`;
}
