/** Reads JSON-RPC as the most careless server might: every reading of a body that some parser in use could come to. */

export interface Reading {
  readonly method: string;
  readonly tool: string;
}

/** A value with all members of its objects, however often a key is there. */
type Loose = string | number | boolean | null | readonly Loose[] | { readonly members: readonly (readonly [string, Loose])[] };

/** All pairs of a method and a tool's name that could be seen in the body: keys by case and look-alike, duplicates by the first or the last, names as Windows ends them. */
export function readCarelessly(bytes: Buffer): Reading[] {
  return texts(bytes).flatMap((text) => documents(text).flatMap(messages).flatMap(readings));
}

function texts(bytes: Buffer): string[] {
  return [bytes.toString('utf8'), bytes.toString('utf16le'), bytes.toString('latin1')];
}

function messages(value: Loose): Loose[] {
  return isList(value) ? value.flatMap(messages) : [value];
}

function readings(message: Loose): Reading[] {
  const tools = valuesOf(message, 'params').flatMap((params) => valuesOf(params, 'name'));
  return valuesOf(message, 'method').flatMap((method) =>
    tools.flatMap((tool) =>
      typeof method === 'string' && typeof tool === 'string' ? [{ method: fold(method), tool: fold(tool).replace(/[.\s]+$/, '') }] : [],
    ),
  );
}

function valuesOf(value: Loose, key: string): Loose[] {
  if (typeof value !== 'object' || value === null || isList(value)) return [];
  return value.members.filter(([name]) => fold(name) === key).map(([, member]) => member);
}

/** Case, width, invisible characters, and what stands behind a NUL or at the ends of a name, are overlooked by some. */
function fold(text: string): string {
  const [seen = ''] = text.split('\0', 1);
  return seen
    .normalize('NFKC')
    .replace(/[\p{Cf}]/gu, '')
    .toUpperCase()
    .toLowerCase()
    .trim();
}

function isList(value: Loose): value is readonly Loose[] {
  return Array.isArray(value);
}

/** The documents that stand one behind the other; what is none ends the reading. */
function documents(text: string): Loose[] {
  const reader = new LooseReader(text);
  const found: Loose[] = [];
  try {
    while (!reader.isAtEnd) found.push(reader.value());
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return found;
}

const SPACE = /(?:[\s\ufeff]|\/\*.*?\*\/)*/y;
const STRING = /"(?:[^"\\]|\\.)*"/sy;
const SCALAR = /[^\s,:[\]{}"]+/y;

class LooseReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    this.#skip();
    return this.#at >= this.#text.length;
  }

  value(): Loose {
    this.#skip();
    switch (this.#text[this.#at]) {
      case '{':
        return { members: this.#list('}', () => this.#member()) };
      case '[':
        return this.#list(']', () => this.value());
      case '"':
        return this.#string();
      default:
        return this.#take(SCALAR);
    }
  }

  #member(): readonly [string, Loose] {
    const key = this.#string();
    this.#skip();
    this.#expect(':');
    return [key, this.value()];
  }

  /** A comma too many is overlooked. */
  #list<Item>(end: string, item: () => Item): Item[] {
    this.#at++;
    const items: Item[] = [];
    for (this.#skip(); this.#text[this.#at] !== end; this.#skip()) {
      items.push(item());
      this.#skip();
      if (this.#text[this.#at] === ',') this.#at++;
      else if (this.#text[this.#at] !== end) throw new SyntaxError('no list');
    }
    this.#at++;
    return items;
  }

  /** Control characters in a string are overlooked too. */
  #string(): string {
    const token = this.#take(STRING);
    const read: unknown = JSON.parse(token.replace(/[\0-\x1f]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`));
    return typeof read === 'string' ? read : '';
  }

  #skip(): void {
    SPACE.lastIndex = this.#at;
    SPACE.exec(this.#text);
    this.#at = Math.max(this.#at, SPACE.lastIndex);
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) throw new SyntaxError('no value');
    this.#at = pattern.lastIndex;
    return found;
  }

  #expect(character: string): void {
    if (this.#text[this.#at] !== character) throw new SyntaxError(`no ${character}`);
    this.#at++;
  }
}
