/** What a semantic filter must be, whoever sets it: read once, into what is stored. */
import { requireAffordablePatterns } from '../../shared/content-filter/filter-patterns.ts';
import { semanticFilterSchema, type SemanticFilter } from '../../shared/content-filter/semantic-filter.ts';
import { parseInput, refuseInput } from '../graphql/input-refused.ts';

export interface SemanticFilterInput {
  readonly blockedKeywords?: readonly string[] | null;
  readonly blockedPatterns?: readonly string[] | null;
  readonly detectors?: readonly string[] | null;
  readonly applyTo?: readonly string[] | null;
  readonly action?: string | null;
}

/** `field` is the input's field that holds the filter. */
export function readSemanticFilter(input: SemanticFilterInput, field = 'semanticFilter'): SemanticFilter {
  const filter = parseInput(
    semanticFilterSchema,
    {
      blockedKeywords: input.blockedKeywords ?? [],
      blockedPatterns: input.blockedPatterns ?? [],
      detectors: [...new Set(input.detectors)],
      applyTo: input.applyTo ?? ['REQUEST'],
      action: input.action ?? 'BLOCK',
    },
    [field],
  );
  requireLinearTime(filter.blockedPatterns, field);
  return filter;
}

function requireLinearTime(patterns: readonly string[], field: string): void {
  try {
    requireAffordablePatterns(patterns);
  } catch (error) {
    const why = error instanceof Error ? error.message : '';
    throw refuseInput(
      [field, 'blockedPatterns'],
      'PATTERN_UNSAFE',
      `not patterns that run in linear time: ${why}`,
      'RE2 syntax has no look-around and no back-references',
    );
  }
}
