/** Finds blocked keywords, patterns and what detectors know in the decoded strings of a message, whatever their case, width or escapes. */
import { DetectorSet } from './detector-set.ts';
import type { FilterMatch, FoundRule } from './filter-match.ts';
import type { JudgedText } from './judged-text.ts';
import { KeywordSet } from './keyword-set.ts';
import { PatternSet } from './pattern-set.ts';
import type { SemanticFilter } from './semantic-filter.ts';

export interface CompiledFilter {
  readonly action: SemanticFilter['action'];
  readonly appliesToRequest: boolean;
  readonly appliesToResponse: boolean;
  /** As it was configured. */
  readonly config: SemanticFilter;
  /** The first match in any string or key of a parsed JSON value, whose depth must be bounded. */
  findIn(value: unknown): FilterMatch | undefined;
  /** Every match in these texts, with its places; undefined when there are too many to be told. */
  findAllIn(texts: readonly JudgedText[]): readonly FoundRule[] | undefined;
}

/** Throws when a pattern is not RE2 syntax, or when the patterns together are too large to be judged in good time. */
export function compileFilter(filter: SemanticFilter): CompiledFilter {
  const keywords = new KeywordSet(filter.blockedKeywords);
  const patterns = new PatternSet(filter.blockedPatterns);
  const detectors = new DetectorSet(filter.detectors);
  return {
    action: filter.action,
    appliesToRequest: filter.applyTo.length === 0 || filter.applyTo.includes('REQUEST'),
    appliesToResponse: filter.applyTo.includes('RESPONSE'),
    config: filter,
    findIn: (value) => {
      const keyword = keywords.findIn(value);
      if (keyword !== undefined) return { rule: keyword, kind: 'KEYWORD' };
      const pattern = patterns.findIn(value);
      if (pattern !== undefined) return { rule: pattern, kind: 'PATTERN' };
      const detector = detectors.findIn(value);
      return detector === undefined ? undefined : { rule: detector, kind: 'DETECTOR' };
    },
    findAllIn: (texts) => {
      const byPatterns = patterns.findAllIn(texts);
      return byPatterns === undefined ? undefined : [...keywords.findAllIn(texts), ...byPatterns, ...detectors.findAllIn(texts)];
    },
  };
}
