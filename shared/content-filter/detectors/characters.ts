/** Tells letters and digits apart by their codes, and finds how far a run of characters goes. */

/** A set of ASCII characters, asked by code. */
export type Alphabet = Uint8Array;

/** The characters of a class, as it would stand between brackets of a regular expression. */
export function alphabetOf(characters: string): Alphabet {
  const member = new RegExp(`^[${characters}]$`);
  return Uint8Array.from({ length: 128 }, (_, code) => Number(member.test(String.fromCharCode(code))));
}

const ALPHANUMERIC = alphabetOf('A-Za-z0-9');
const ZERO = 0x30;
const NINE = 0x39;

export function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

/** False for what stands outside of the text. */
export function isAlphanumeric(text: string, at: number): boolean {
  return isIn(ALPHANUMERIC, text, at);
}

export function isIn(alphabet: Alphabet, text: string, at: number): boolean {
  return alphabet[text.charCodeAt(at)] === 1;
}

/** Between the groups of a number. */
const SEPARATORS_MAX = 3;
const SEPARATORS: ReadonlySet<number> = new Set(Array.from(' \t.-_·‐‑‒–—―', (separator) => separator.charCodeAt(0)));

/** Behind what may stand between two groups of a number; the same place where nothing does. */
export function behindSeparators(text: string, from: number): number {
  let at = from;
  while (at - from < SEPARATORS_MAX && SEPARATORS.has(text.charCodeAt(at))) at++;
  return at;
}

/** Where the run of such characters ends that begins at `from`. */
export function endOfRun(alphabet: Alphabet, text: string, from: number): number {
  let at = from;
  while (isIn(alphabet, text, at)) at++;
  return at;
}
