/** Finds blocked keywords and patterns in the decoded strings of a message, whatever their case, width or escapes. */
import type { SemanticFilter } from '../../shared/semantic-filter.ts';

export interface FilterMatch {
  /** The configured keyword or pattern, never the text that matched. */
  readonly rule: string;
  readonly kind: 'keyword' | 'pattern';
}

export interface CompiledFilter {
  readonly action: SemanticFilter['action'];
  readonly appliesToRequest: boolean;
  readonly appliesToResponse: boolean;
  /** The first match in any string or key of a parsed JSON value. */
  findIn(value: unknown): FilterMatch | undefined;
}

export declare function compileFilter(filter: SemanticFilter): CompiledFilter;
