/** Finds blocked keywords and patterns in the decoded strings of a message, whatever their case, width or escapes. */
import type { SemanticFilter } from '../../shared/semantic-filter.ts';
import { KeywordSet } from './keyword-set.ts';
import { PatternSet } from './pattern-set.ts';

export interface FilterMatch {
  /** The configured keyword or pattern, never the text that matched. */
  readonly rule: string;
  readonly kind: 'keyword' | 'pattern';
}

export interface CompiledFilter {
  readonly action: SemanticFilter['action'];
  readonly appliesToRequest: boolean;
  readonly appliesToResponse: boolean;
  /** The first match in any string or key of a parsed JSON value, whose depth must be bounded. */
  findIn(value: unknown): FilterMatch | undefined;
}

/** Throws when a pattern is not RE2 syntax, or when the patterns together are too large to be judged in good time. */
export function compileFilter(filter: SemanticFilter): CompiledFilter {
  const keywords = new KeywordSet(filter.blockedKeywords);
  const patterns = new PatternSet(filter.blockedPatterns);
  return {
    action: filter.action,
    appliesToRequest: filter.applyTo.length === 0 || filter.applyTo.includes('REQUEST'),
    appliesToResponse: filter.applyTo.includes('RESPONSE'),
    findIn: (value) => {
      const keyword = keywords.findIn(value);
      if (keyword !== undefined) return { rule: keyword, kind: 'keyword' };
      const pattern = patterns.findIn(value);
      return pattern === undefined ? undefined : { rule: pattern, kind: 'pattern' };
    },
  };
}
