/** Finds where the value of an object's member stands in the bytes of valid JSON, without parsing or changing the rest. */

/** From `start` up to, not including, `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const SPACE = 0x20;
/** A string that is longer is searched for its end by the engine's own search, which looks at many bytes at once. */
const SHORT_STRING_BYTES = 48;

/** The value of a member of the outermost object. Undefined without an object or such a member, or when it stands there twice. */
export function findTopLevelValue(bytes: Buffer, key: string): ByteRange | undefined {
  return findMember(bytes, { start: 0, end: bytes.length }, key);
}

/** The same for the object that stands in a range, such as a value that was found before. */
export function findMember(bytes: Buffer, object: ByteRange, key: string): ByteRange | undefined {
  let found: ByteRange | undefined;
  let isTwice = false;
  visitMembers(bytes, object, (keyStart, keyEnd, value) => {
    if (!isKey(bytes, keyStart + 1, keyEnd - 1, key)) return;
    isTwice ||= found !== undefined;
    found = value;
  });
  return isTwice ? undefined : found;
}

/** One member of an object: all of it, from its key on, and its value. */
export interface Member extends ByteRange {
  /** The key as it is meant. */
  readonly name: string;
  readonly value: ByteRange;
}

/** The members of the object in a range, in order; none for anything else. */
export function membersOf(bytes: Buffer, object: ByteRange): readonly Member[] {
  const members: Member[] = [];
  visitMembers(bytes, object, (keyStart, keyEnd, value) => {
    const name: unknown = JSON.parse(bytes.toString('utf8', keyStart, keyEnd));
    members.push({ name: String(name), start: keyStart, end: value.end, value });
  });
  return members;
}

function visitMembers(bytes: Buffer, object: ByteRange, visit: (keyStart: number, keyEnd: number, value: ByteRange) => void): void {
  let at = skipSpace(bytes, object.start);
  if (bytes[at] !== OPEN_BRACE) return;
  do {
    const keyStart = skipSpace(bytes, at + 1);
    if (bytes[keyStart] !== QUOTE) return;
    const keyEnd = endOfString(bytes, keyStart);
    // Bytes that break off behind a key have no colon to step over.
    const start = Math.min(skipSpace(bytes, skipSpace(bytes, keyEnd) + 1), bytes.length);
    const end = endOfValue(bytes, start);
    visit(keyStart, keyEnd, { start, end });
    at = skipSpace(bytes, end);
  } while (bytes[at] === COMMA && at < object.end);
}

/** Where the next byte stands that is no white space of JSON's. */
export function skipSpace(bytes: Buffer, from: number): number {
  let at = from;
  for (let byte = bytes[at] ?? QUOTE; byte <= SPACE && isSpace(byte); byte = bytes[at] ?? QUOTE) at++;
  return at;
}

function isSpace(byte: number): boolean {
  return byte === SPACE || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Just behind the closing quote of the string that opens at `from`; the end of the bytes when there is none. */
export function endOfString(bytes: Buffer, from: number): number {
  const near = Math.min(bytes.length, from + SHORT_STRING_BYTES);
  let at = from + 1;
  while (at < near) {
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    at += byte === BACKSLASH ? 2 : 1;
  }
  return endOfLongString(bytes, at);
}

function endOfLongString(bytes: Buffer, from: number): number {
  let quote = bytes.indexOf(QUOTE, from);
  while (quote !== -1 && isEscaped(bytes, quote, from)) quote = bytes.indexOf(QUOTE, quote + 1);
  return quote === -1 ? bytes.length : quote + 1;
}

/** An odd run of backslashes before a quote escapes it. */
function isEscaped(bytes: Buffer, quote: number, from: number): boolean {
  let at = quote;
  while (at > from && bytes[at - 1] === BACKSLASH) at--;
  return (quote - at) % 2 === 1;
}

function endOfValue(bytes: Buffer, from: number): number {
  const first = bytes[from];
  if (first === QUOTE) return endOfString(bytes, from);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return endOfNested(bytes, from);
  let at = from;
  while (at < bytes.length && !endsScalar(bytes[at])) at++;
  return at;
}

function endOfNested(bytes: Buffer, from: number): number {
  let depth = 0;
  let at = from;
  while (at < bytes.length) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = endOfString(bytes, at);
      continue;
    }
    at++;
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --depth === 0) return at;
  }
  return bytes.length;
}

function endsScalar(byte: number | undefined): boolean {
  return byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || byte === undefined || byte <= SPACE;
}

/** Compares a key, which stands between its quotes, as it is meant, since a key may be written with escapes. `key` must be ASCII. */
export function isKey(bytes: Buffer, start: number, end: number, key: string): boolean {
  if (end - start === key.length) {
    for (let index = 0; index < key.length; index++) if (bytes[start + index] !== key.charCodeAt(index)) return false;
    return true;
  }
  if (end - start < key.length || !hasEscape(bytes, start, end)) return false;
  try {
    return JSON.parse(bytes.toString('utf8', start - 1, end + 1)) === key;
  } catch (error) {
    // Not valid JSON after all: whoever parses the whole will say so.
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

function hasEscape(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === BACKSLASH) return true;
  return false;
}

/** Where the elements of the array in a range stand, in order; undefined when it is no array. */
export function elementsOf(bytes: Buffer, array: ByteRange): readonly ByteRange[] | undefined {
  if (bytes[array.start] !== OPEN_BRACKET) return undefined;
  const elements: ByteRange[] = [];
  let at = array.start;
  do {
    const start = skipSpace(bytes, at + 1);
    if (bytes[start] === CLOSE_BRACKET) return elements;
    const end = endOfValue(bytes, start);
    elements.push({ start, end });
    at = skipSpace(bytes, end);
  } while (bytes[at] === COMMA);
  return elements;
}
