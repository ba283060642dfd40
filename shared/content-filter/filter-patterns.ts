/** Compiles the patterns of a semantic filter: both planes must agree on which are too costly, or a saved filter would be refused later. */
import { RE2JS } from 're2js';

/** Strings are lines of the judged text: `^` and `$` mean the ends of a string, and only `\s` leads from one into the next. */
export const PATTERN_FLAGS = RE2JS.CASE_INSENSITIVE | RE2JS.MULTILINE;
/** Instructions of all patterns together; a text costs at most its length times this. */
export const INSTRUCTIONS_MAX = 2_000;

/** Throws a sentence when a pattern is not RE2 syntax, or when all of them together are too large. */
export function requireAffordablePatterns(patterns: readonly string[]): void {
  let instructions = 0;
  for (const pattern of patterns) instructions += RE2JS.compile(pattern, PATTERN_FLAGS).programSize();
  if (instructions > INSTRUCTIONS_MAX) throw new Error(`the patterns need ${instructions} instructions of at most ${INSTRUCTIONS_MAX}`);
}
