/** Finds any of many keywords in one pass over a text, whatever their number (Aho and Corasick, 1975), blind to case and to how white space is written. */
import { foldText } from '../../shared/content-filter/fold-text.ts';

/** Transitions out of the first states are kept in a table of at most this many entries (1 MiB); the few behind it, in a map. */
const TABLE_ENTRIES_MAX = 262_144;
const ASCII_CHARACTERS = 128;
/** In characters. */
const LONG_TEXT = 512;
/** What a character means: invisible (the state stays), white space, any other that no keyword holds, or from here on one of theirs. */
const [INVISIBLE, SPACE, FOREIGN, FIRST_OWN] = [0, 1, 2, 3] as const;
/** As far as it is left after NFKC, which turns most kinds into a plain space. */
const WHITE_SPACE = [0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x20, 0x85, 0x1680, 0x2028, 0x2029] as const;
const SPACES: ReadonlySet<number> = new Set(WHITE_SPACE);

export interface KeywordMatch {
  /** Index of the keyword. */
  readonly keyword: number;
  /** Just behind its last character. */
  readonly end: number;
}

interface TrieNode {
  readonly state: number;
  /** The symbol that led here. */
  readonly symbol: number;
  readonly children: Map<number, TrieNode>;
  fallback: TrieNode | undefined;
  /** Index of the keyword that ends here, or -1. */
  keyword: number;
}

/** A state is the offset of its row, as if all rows were in the table. A match is the negative number `-1 - index` of the keyword. */
export class KeywordAutomaton {
  /** Where a text begins. */
  static readonly START = 0;
  readonly #symbolOfAscii = new Uint16Array(ASCII_CHARACTERS).fill(FOREIGN);
  readonly #symbolOf = new Map<number, number>();
  readonly #symbols: number;
  readonly #table: Int32Array;
  /** Transitions of the states behind the table, by row offset and symbol; what is missing is their fallback's. */
  readonly #sparse = new Map<number, number>();
  readonly #fallbacks = new Map<number, number>();

  /** Keywords must not be empty, and already be in the form of `foldKeyword`. */
  constructor(keywords: readonly string[]) {
    this.#symbols = this.#learnSymbols(keywords);
    const nodes = this.#buildTrie(keywords);
    const tableRows = Math.max(1, Math.min(nodes.length, Math.floor(TABLE_ENTRIES_MAX / this.#symbols)));
    this.#table = new Int32Array(tableRows * this.#symbols);
    for (const node of nodes) this.#learnTransitions(node);
  }

  /** The state behind `text`, when the state before it was `from`. White space of any kind and length counts as one space. */
  advance(from: number, text: string): number {
    if (text.length >= LONG_TEXT) return this.#advanceLong(from, text);
    const [table, symbolOfAscii, tableEnd] = [this.#table, this.#symbolOfAscii, this.#table.length];
    let state = from;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code >= ASCII_CHARACTERS) return this.#advanceFolded(from, foldText(text));
      const symbol = symbolOfAscii[code] ?? FOREIGN;
      state = state < tableEnd ? (table[state + symbol] ?? 0) : this.#stepSparse(state, symbol);
      if (state < 0) return state;
    }
    return state;
  }

  /** Where keywords stand in a folded text, from left to right. Behind one that is found the search starts over. */
  matchesIn(folded: string): KeywordMatch[] {
    const matches: KeywordMatch[] = [];
    let state: number = KeywordAutomaton.START;
    for (let at = 0; at < folded.length; at++) {
      const symbol = this.#symbol(folded.charCodeAt(at));
      state = state < this.#table.length ? (this.#table[state + symbol] ?? 0) : this.#stepSparse(state, symbol);
      if (state >= 0) continue;
      matches.push({ keyword: -1 - state, end: at + 1 });
      state = KeywordAutomaton.START;
    }
    return matches;
  }

  /** Bytes are read several times as fast as the characters of a string, which are worth no copy where there are few. */
  #advanceLong(from: number, text: string): number {
    const bytes = Buffer.from(text);
    // Only ASCII has as many bytes as characters.
    if (bytes.length !== text.length) return this.#advanceFolded(from, foldText(text));
    const [table, symbolOfAscii, tableEnd] = [this.#table, this.#symbolOfAscii, this.#table.length];
    let state = from;
    for (let at = 0; at < bytes.length && state >= 0; at++) {
      const symbol = symbolOfAscii[bytes[at] ?? 0] ?? FOREIGN;
      state = state < tableEnd ? (table[state + symbol] ?? 0) : this.#stepSparse(state, symbol);
    }
    return state;
  }

  #advanceFolded(from: number, text: string): number {
    const [table, symbolOfAscii, symbolOf, tableEnd] = [this.#table, this.#symbolOfAscii, this.#symbolOf, this.#table.length];
    let state = from;
    for (let at = 0; at < text.length && state >= 0; at++) {
      const code = text.charCodeAt(at);
      const symbol = (code < ASCII_CHARACTERS ? symbolOfAscii[code] : symbolOf.get(code)) ?? FOREIGN;
      state = state < tableEnd ? (table[state + symbol] ?? 0) : this.#stepSparse(state, symbol);
    }
    return state;
  }

  #stepSparse(state: number, symbol: number): number {
    let from = state;
    while (from >= this.#table.length) {
      const next = this.#sparse.get(from + symbol);
      if (next !== undefined) return next;
      from = this.#fallbacks.get(from) ?? 0;
    }
    return this.#table[from + symbol] ?? 0;
  }

  #symbol(code: number): number {
    return (code < ASCII_CHARACTERS ? this.#symbolOfAscii[code] : this.#symbolOf.get(code)) ?? FOREIGN;
  }

  #learnSymbols(keywords: readonly string[]): number {
    let symbols: number = FIRST_OWN;
    this.#symbolOfAscii.fill(INVISIBLE, 0, 0x20);
    this.#symbolOfAscii[0x7f] = INVISIBLE;
    for (const code of WHITE_SPACE) this.#learnSymbol(code, SPACE);
    for (const keyword of keywords) {
      for (let at = 0; at < keyword.length; at++) {
        const code = keyword.charCodeAt(at);
        if (this.#symbol(code) === FOREIGN) this.#learnSymbol(code, symbols++);
      }
    }
    return symbols;
  }

  #learnSymbol(code: number, symbol: number): void {
    if (code >= ASCII_CHARACTERS) {
      this.#symbolOf.set(code, symbol);
      return;
    }
    this.#symbolOfAscii[code] = symbol;
    this.#symbolOfAscii[String.fromCharCode(code).toUpperCase().charCodeAt(0)] = symbol;
  }

  /** The nodes of the trie by length of what led to them, each numbered by its place, with their fallbacks. */
  #buildTrie(keywords: readonly string[]): TrieNode[] {
    const root = newNode(0, FOREIGN);
    // Built level by level, so that a state's number tells how deep it lies and the table holds the states that texts are mostly in.
    const nodes = [root];
    let paths = keywords.map((keyword, index) => ({ keyword, index, node: root }));
    for (let at = 0; paths.length > 0; at++) {
      paths = paths.filter(({ keyword }) => at < keyword.length);
      for (const path of paths) {
        const symbol = this.#symbol(path.keyword.charCodeAt(at));
        const parent = path.node;
        path.node = parent.children.get(symbol) ?? newNode(nodes.length * this.#symbols, symbol);
        if (!parent.children.has(symbol)) {
          parent.children.set(symbol, path.node);
          path.node.fallback = fallbackOf(parent, symbol, root);
          path.node.keyword = path.node.fallback.keyword;
          nodes.push(path.node);
        }
        if (at === path.keyword.length - 1) path.node.keyword = path.index;
      }
    }
    return nodes;
  }

  #learnTransitions({ state, symbol: last, children, fallback }: TrieNode): void {
    const isInTable = state < this.#table.length;
    if (isInTable && fallback !== undefined) this.#table.copyWithin(state, fallback.state, fallback.state + this.#symbols);
    else if (fallback !== undefined) this.#fallbacks.set(state, fallback.state);
    const learn = (symbol: number, next: number): void => {
      if (isInTable) this.#table[state + symbol] = next;
      else this.#sparse.set(state + symbol, next);
    };
    learn(INVISIBLE, state);
    // Behind white space, more of it changes nothing.
    if (last === SPACE) learn(SPACE, state);
    for (const [symbol, child] of children) learn(symbol, child.keyword >= 0 ? -1 - child.keyword : child.state);
  }
}

/** The form in which keywords are given to the automaton; empty when there is nothing to see in one. */
export function foldKeyword(keyword: string): string {
  return foldText(keyword)
    .replace(/[\s\x85]+/g, ' ')
    .trim();
}

/** Where a folded keyword begins that ends there in a folded text, however wide the white space in it. */
export function startOfKeyword(folded: string, end: number, keyword: string): number {
  let at = end;
  for (let left = keyword.length - 1; left >= 0; left--) {
    if (keyword[left] !== ' ') at--;
    else while (at > 0 && SPACES.has(folded.charCodeAt(at - 1))) at--;
  }
  return at;
}

function newNode(state: number, symbol: number): TrieNode {
  return { state, symbol, children: new Map(), fallback: undefined, keyword: -1 };
}

/** The longest other beginning of a keyword that ends like the path to this child. Its level is built already. */
function fallbackOf(parent: TrieNode, symbol: number, root: TrieNode): TrieNode {
  for (let from = parent.fallback; from !== undefined; from = from.fallback) {
    const next = from.children.get(symbol);
    if (next !== undefined) return next;
  }
  return root;
}
