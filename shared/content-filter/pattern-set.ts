/** The blocked patterns of a server, all judged in one pass that takes linear time whatever pattern and text. */
import { RE2JS, RE2Set } from 're2js';
import { PATTERN_FLAGS, requireAffordablePatterns } from './filter-patterns.ts';
import { visibleText } from './fold-text.ts';
import type { FoundRule } from './filter-match.ts';
import { visitStrings } from './json-strings.ts';
import type { JudgedText } from './judged-text.ts';
import { MappedText } from './mapped-text.ts';

/** Each place costs a search of its own, which may look at all of the text. */
const PLACES_MAX = 200;
const STATE_CACHE_BYTES_MAX = 2 * 1024 * 1024;

export class PatternSet {
  readonly #rules: readonly string[];
  readonly #set = new RE2Set(RE2Set.UNANCHORED, PATTERN_FLAGS, STATE_CACHE_BYTES_MAX);

  /** Throws when a pattern is not RE2 syntax, or when all of them together are too large. */
  constructor(rules: readonly string[]) {
    this.#rules = rules;
    if (rules.length === 0) return;
    requireAffordablePatterns(rules);
    for (const rule of rules) this.#set.add(rule);
    this.#set.compile();
  }

  /** The pattern as it was configured. Strings are judged without invisible characters and in their compatibility form (NFKC). */
  findIn(value: unknown): string | undefined {
    if (this.#rules.length === 0) return undefined;
    const [keys, values]: [string[], string[]] = [[], []];
    visitStrings(value, { key: (key) => collect(keys, key), value: (text) => collect(values, text) });
    const [first] = this.#set.match(visibleText([...values, ...keys].join('\n')));
    return first === undefined ? undefined : this.#rules[first];
  }

  /** Each place where one stands; undefined when there are more of one pattern than can be told. */
  findAllIn(texts: readonly JudgedText[]): FoundRule[] | undefined {
    if (this.#rules.length === 0) return [];
    const indexesOf = (role: JudgedText['role']) => texts.flatMap((text, index) => (text.role === role ? [index] : []));
    const whole = new MappedText(texts, [...indexesOf('VALUE'), ...indexesOf('KEY')], { form: visibleText, separator: '\n' });
    const found: FoundRule[] = [];
    for (const index of this.#set.match(whole.text)) {
      const rule = this.#rules[index] ?? '';
      const matcher = RE2JS.compile(rule, PATTERN_FLAGS).matcher(whole.text);
      let places = 0;
      while (matcher.find()) {
        if (places++ === PLACES_MAX) return undefined;
        // What matches nothing but a place between two characters has no text that could be told.
        if (matcher.end() > matcher.start()) found.push({ rule, kind: 'PATTERN', parts: whole.partsOf(matcher.start(), matcher.end()) });
      }
    }
    return found;
  }
}

function collect(into: string[], text: string): false {
  into.push(text);
  return false;
}
