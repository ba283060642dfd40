/** The blocked patterns of a server, all judged in one pass that takes linear time whatever pattern and text. */
import { RE2JS, RE2Set } from 're2js';
import { visibleText } from './fold-text.ts';
import { visitStrings } from './json-strings.ts';

/** Strings are lines of the judged text: `^` and `$` mean the ends of a string, and only `\s` leads from one into the next. */
const FLAGS = RE2JS.CASE_INSENSITIVE | RE2JS.MULTILINE;
/** Instructions of all patterns together; a text costs at most its length times this. */
const INSTRUCTIONS_MAX = 2_000;
const STATE_CACHE_BYTES_MAX = 2 * 1024 * 1024;

export class PatternSet {
  readonly #rules: readonly string[];
  readonly #set = new RE2Set(RE2Set.UNANCHORED, FLAGS, STATE_CACHE_BYTES_MAX);

  /** Throws when a pattern is not RE2 syntax, or when all of them together are too large. */
  constructor(rules: readonly string[]) {
    this.#rules = rules;
    if (rules.length === 0) return;
    let instructions = 0;
    for (const rule of rules) {
      instructions += RE2JS.compile(rule, FLAGS).programSize();
      this.#set.add(rule);
    }
    if (instructions > INSTRUCTIONS_MAX) throw new Error(`the patterns need ${instructions} instructions of at most ${INSTRUCTIONS_MAX}`);
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
