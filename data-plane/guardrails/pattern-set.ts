/** The blocked patterns of a server, all judged in one pass that takes linear time whatever pattern and text. */
import { RE2Set } from 're2js';
import { PATTERN_FLAGS, requireAffordablePatterns } from '../../shared/filter-patterns.ts';
import { visibleText } from '../../shared/content-filter/fold-text.ts';
import { visitStrings } from './json-strings.ts';

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
}

function collect(into: string[], text: string): false {
  into.push(text);
  return false;
}
