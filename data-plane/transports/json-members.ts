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

function skipSpace(bytes: Buffer, from: number): number {
  let at = from;
  for (let byte = bytes[at]; byte === SPACE || byte === 0x0a || byte === 0x0d || byte === 0x09; byte = bytes[at]) at++;
  return at;
}

/** Just behind the closing quote of the string that opens at `from`. */
function endOfString(bytes: Buffer, from: number): number {
  let at = from + 1;
  while (at < bytes.length) {
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    at += byte === BACKSLASH ? 2 : 1;
  }
  return bytes.length;
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

/** Compares a key as it is meant, since a key may be written with escapes. `key` must be ASCII. */
function isKey(bytes: Buffer, start: number, end: number, key: string): boolean {
  if (end - start === key.length) return bytes.toString('latin1', start, end) === key;
  if (end - start < key.length || !bytes.subarray(start, end).includes(BACKSLASH)) return false;
  try {
    return JSON.parse(bytes.toString('utf8', start - 1, end + 1)) === key;
  } catch (error) {
    // Not valid JSON after all: whoever parses the whole will say so.
    if (error instanceof SyntaxError) return false;
    throw error;
  }
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
