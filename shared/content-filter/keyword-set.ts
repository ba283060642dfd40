/** The blocked keywords of a server: each string of a message is judged alone, and all of them as one text. */
import { foldText } from './fold-text.ts';
import { visitStrings, type StringVisitor } from './json-strings.ts';
import type { FoundRule } from './filter-match.ts';
import { KIND_LABEL, type JudgedText } from './judged-text.ts';
import { foldKeyword, KeywordAutomaton, startOfKeyword } from './keyword-automaton.ts';
import { MappedText } from './mapped-text.ts';

/**
 * Keys that the protocol itself writes carry nothing: with the keyword `token`, every call that asks for progress would be refused
 * for its `progressToken` otherwise.
 */
const PROTOCOL_KEYS: ReadonlySet<string> = new Set([
  'jsonrpc',
  'id',
  'method',
  'params',
  'result',
  'error',
  'code',
  'message',
  'data',
  'name',
  'arguments',
  'uri',
  'cursor',
  '_meta',
  'progressToken',
  'content',
  'type',
  'text',
  'structuredContent',
  'isError',
]);

export class KeywordSet {
  readonly #keywords: readonly string[];
  /** Built when the first message is judged: most servers of a large configuration are quiet. */
  #automaton: KeywordAutomaton | undefined;

  constructor(keywords: readonly string[]) {
    this.#keywords = keywords.filter((keyword) => foldKeyword(keyword) !== '');
  }

  /**
   * The keyword as it was configured. Keys are judged each for itself; values also as one text with a space between them, so that a
   * phrase over several content items is found. A word that is cut in two between fields is not.
   */
  findIn(value: unknown): string | undefined {
    if (this.#keywords.length === 0) return undefined;
    const search = new KeywordSearch(this.#compiled());
    visitStrings(value, search);
    return search.found < 0 ? undefined : this.#keywords[search.found];
  }

  /** Each place where one stands, by the same rules. Of keywords that overlap, the one is found that ends first. */
  findAllIn(texts: readonly JudgedText[]): FoundRule[] {
    if (this.#keywords.length === 0) return [];
    const alone = texts.flatMap(({ text, label, role }, index) =>
      (role === 'KEY' && !PROTOCOL_KEYS.has(text)) || (role === 'VALUE' && label === KIND_LABEL) ? [[index]] : [],
    );
    const together = texts.flatMap(({ label, role }, index) => (role === 'VALUE' && label !== KIND_LABEL ? [index] : []));
    return [together, ...alone].flatMap((indexes) => this.#findAllAmong(texts, indexes));
  }

  #findAllAmong(texts: readonly JudgedText[], indexes: readonly number[]): FoundRule[] {
    const whole = new MappedText(texts, indexes, { form: foldText, separator: ' ' });
    return this.#compiled()
      .matchesIn(whole.text)
      .map(({ keyword, end }) => {
        const rule = this.#keywords[keyword] ?? '';
        return { rule, kind: 'KEYWORD', parts: whole.partsOf(startOfKeyword(whole.text, end, foldKeyword(rule)), end) };
      });
  }

  #compiled(): KeywordAutomaton {
    return (this.#automaton ??= new KeywordAutomaton(this.#keywords.map(foldKeyword)));
  }
}

class KeywordSearch implements StringVisitor {
  /** Index of the keyword that was found, or -1. */
  found = -1;
  readonly #automaton: KeywordAutomaton;
  /** The state behind the values so far. */
  #text: number = KeywordAutomaton.START;

  constructor(automaton: KeywordAutomaton) {
    this.#automaton = automaton;
  }

  key(key: string): boolean {
    return !PROTOCOL_KEYS.has(key) && this.#isFound(this.#automaton.advance(KeywordAutomaton.START, key));
  }

  value(text: string, label: string): boolean {
    if (label === KIND_LABEL) return this.#isFound(this.#automaton.advance(KeywordAutomaton.START, text));
    // The state at the end of a text finds whatever stands in the next one alone, and whatever begins in one and ends in the other.
    const state = this.#automaton.advance(this.#text, text);
    if (this.#isFound(state)) return true;
    this.#text = this.#automaton.advance(state, ' ');
    return false;
  }

  #isFound(state: number): boolean {
    if (state < 0) this.found = -1 - state;
    return state < 0;
  }
}
