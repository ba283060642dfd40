/** Finds where JSON values end, strict about everything but the inside of strings, in one pass that allocates nothing. */
import { endOfString, skipSpace } from './json-members.ts';

/** Deeper answers are taken for none: no reader that calls itself for each level would survive them. */
const DEPTH_MAX = 4096;
/** How each container that is open at the moment will be closed. One walk is over before the next begins. */
const CLOSERS = new Uint8Array(DEPTH_MAX);

const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const CAPITAL_E = 0x45;
const OPEN_BRACKET = 0x5b;
const SMALL_E = 0x65;
const SMALL_F = 0x66;
const SMALL_N = 0x6e;
const SMALL_T = 0x74;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
/** From a bracket or brace that opens to the one that closes, in ASCII. */
const TO_CLOSER = 2;

/** Where the next token stands behind the value that begins at `from`; -1 when no value does. */
export function skipStrictValue(bytes: Buffer, from: number): number {
  let depth = 0;
  let at = from;
  do {
    const first = bytes[at] ?? 0;
    if (first === OPEN_BRACE || first === OPEN_BRACKET) {
      if (depth === DEPTH_MAX) return -1;
      CLOSERS[depth++] = first + TO_CLOSER;
      at = skipSpace(bytes, at + 1);
      if (bytes[at] !== first + TO_CLOSER) {
        if (first === OPEN_BRACE) at = skipStrictKey(bytes, at);
        continue;
      }
    } else {
      at = skipSpace(bytes, first === QUOTE ? endOfString(bytes, at) : endOfScalar(bytes, at));
    }
    while (depth > 0 && bytes[at] === CLOSERS[depth - 1]) {
      depth--;
      at = skipSpace(bytes, at + 1);
    }
    if (depth === 0) return at;
    if (bytes[at] !== COMMA) return -1;
    at = skipSpace(bytes, at + 1);
    if (CLOSERS[depth - 1] === CLOSE_BRACE) at = skipStrictKey(bytes, at);
  } while (at !== -1);
  return -1;
}

/** Where the value stands whose key begins at `from`; -1 when there is no key with a colon. */
export function skipStrictKey(bytes: Buffer, from: number): number {
  if (bytes[from] !== QUOTE) return -1;
  const colon = skipSpace(bytes, endOfString(bytes, from));
  return bytes[colon] === COLON ? skipSpace(bytes, colon + 1) : -1;
}

function endOfScalar(bytes: Buffer, from: number): number {
  switch (bytes[from]) {
    case SMALL_T:
      return endOfWord(bytes, from, 'true');
    case SMALL_F:
      return endOfWord(bytes, from, 'false');
    case SMALL_N:
      return endOfWord(bytes, from, 'null');
    default:
      return endOfNumber(bytes, from);
  }
}

function endOfWord(bytes: Buffer, from: number, word: string): number {
  for (let index = 0; index < word.length; index++) if (bytes[from + index] !== word.charCodeAt(index)) return -1;
  return from + word.length;
}

function endOfNumber(bytes: Buffer, from: number): number {
  const start = bytes[from] === MINUS ? from + 1 : from;
  let at = bytes[start] === ZERO ? start + 1 : endOfDigits(bytes, start);
  if (at !== -1 && bytes[at] === POINT) at = endOfDigits(bytes, at + 1);
  if (at === -1 || (bytes[at] !== SMALL_E && bytes[at] !== CAPITAL_E)) return at;
  const sign = bytes[at + 1];
  return endOfDigits(bytes, sign === PLUS || sign === MINUS ? at + 2 : at + 1);
}

/** -1 without a digit. */
function endOfDigits(bytes: Buffer, from: number): number {
  let at = from;
  for (let byte = bytes[at] ?? 0; byte >= ZERO && byte <= NINE; byte = bytes[at] ?? 0) at++;
  return at === from ? -1 : at;
}
