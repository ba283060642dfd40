/** Finds blocked keywords and patterns in the decoded strings of a message, whatever their case, width or escapes. */
import { RE2JS } from 're2js';
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

/** Throws when a pattern is not RE2 syntax. */
export function compileFilter(filter: SemanticFilter): CompiledFilter {
  const keywords = filter.blockedKeywords.map(normalise).filter((keyword) => keyword !== '');
  // Longer ones first, so that the match names the most telling keyword.
  const alternatives = keywords.toSorted((left, right) => right.length - left.length).map((keyword) => RegExp.escape(keyword));
  const anyKeyword = alternatives.length === 0 ? undefined : new RegExp(alternatives.join('|'));
  const patterns = filter.blockedPatterns.map((rule) => ({ rule, pattern: RE2JS.compile(rule, RE2JS.CASE_INSENSITIVE) }));
  return {
    action: filter.action,
    appliesToRequest: filter.applyTo.length === 0 || filter.applyTo.includes('REQUEST'),
    appliesToResponse: filter.applyTo.includes('RESPONSE'),
    findIn: (value) => {
      const strings: string[] = [];
      collectStrings(value, strings);
      const text = strings.join(' ');
      const keyword = anyKeyword?.exec(normalise(text))?.[0];
      if (keyword !== undefined) return { rule: keyword, kind: 'keyword' };
      const found = patterns.find(({ pattern }) => pattern.matcher(text).find());
      return found === undefined ? undefined : { rule: found.rule, kind: 'pattern' };
    },
  };
}

/**
 * Keys and values in the order in which they stand. They are judged as one text with a space between them, so a phrase that is
 * spread over neighbouring fields is found as well.
 */
function collectStrings(value: unknown, strings: string[]): void {
  if (typeof value === 'string') strings.push(value);
  else if (Array.isArray(value)) for (const element of value) collectStrings(element, strings);
  else if (typeof value === 'object' && value !== null) {
    for (const [key, member] of Object.entries(value)) {
      strings.push(key);
      collectStrings(member, strings);
    }
  }
}

const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;

/** Compatibility forms, case, invisible characters and the kind and amount of white space make no difference. */
function normalise(text: string): string {
  if (PRINTABLE_ASCII.test(text)) return text.toLowerCase().replace(/ {2,}/g, ' ');
  return text
    .normalize('NFKC')
    .replace(/\p{Cf}/gu, '')
    .toLowerCase()
    .replace(/\s+/g, ' ');
}
