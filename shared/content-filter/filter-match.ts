/** What a filter finds: the rule that matched, and where. */
import type { TextPart } from './judged-text.ts';

export const RULE_KINDS = ['KEYWORD', 'PATTERN', 'DETECTOR'] as const;
export type RuleKind = (typeof RULE_KINDS)[number];

export interface FilterMatch {
  /** The configured keyword or pattern, or the name of the detector; never the text that matched. */
  readonly rule: string;
  readonly kind: RuleKind;
}

export interface FoundRule extends FilterMatch {
  /** In which texts it stands; more than one where it goes from one into the next. */
  readonly parts: readonly TextPart[];
}
