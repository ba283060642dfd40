/** What the tool rules and the filter of a server must be, whoever sets them: read once, into what is stored. */
import { z } from 'zod';
import { requireAffordablePatterns } from '../../shared/filter-patterns.ts';
import { semanticFilterSchema, type SemanticFilter } from '../../shared/semantic-filter.ts';
import { parseInput, refuseInput } from '../graphql/input-refused.ts';

export interface SemanticFilterInput {
  readonly blockedKeywords?: readonly string[] | null;
  readonly blockedPatterns?: readonly string[] | null;
  readonly applyTo?: readonly string[] | null;
  readonly action?: string | null;
}

export const toolNameSchema = z.string().min(1).max(128);
const toolNamesSchema = z.array(toolNameSchema).max(1000);

export function readToolNames(names: readonly string[], field: string): string[] {
  return parseInput(toolNamesSchema, [...new Set(names)], [field]);
}

export function readSemanticFilter(input: SemanticFilterInput): SemanticFilter {
  if (input.action === 'REDACT')
    throw refuseInput(['semanticFilter', 'action'], 'INVALID', 'what is redacted would no longer be what was judged', 'use BLOCK or OBSERVE');
  const filter = parseInput(
    semanticFilterSchema,
    {
      blockedKeywords: input.blockedKeywords ?? [],
      blockedPatterns: input.blockedPatterns ?? [],
      applyTo: input.applyTo ?? ['REQUEST'],
      action: input.action ?? 'BLOCK',
    },
    ['semanticFilter'],
  );
  requireLinearTime(filter.blockedPatterns);
  return filter;
}

function requireLinearTime(patterns: readonly string[]): void {
  try {
    requireAffordablePatterns(patterns);
  } catch (error) {
    const why = error instanceof Error ? error.message : '';
    throw refuseInput(
      ['semanticFilter', 'blockedPatterns'],
      'PATTERN_UNSAFE',
      `not patterns that run in linear time: ${why}`,
      'RE2 syntax has no look-around and no back-references',
    );
  }
}
