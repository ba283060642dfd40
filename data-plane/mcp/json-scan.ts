/** Walks once over the bytes of valid JSON: counts what JSON.parse hides, and notes where the tokens of the envelope stand. */

/** Offsets of one message; -1 where there is no such token. */
export interface MessageOffsets {
  idStart: number;
  idEnd: number;
  progressTokenStart: number;
  progressTokenEnd: number;
}

export interface JsonScan {
  /** Colons outside strings: one for each member that was written, duplicates included. */
  readonly members: number;
  readonly values: number;
  readonly depth: number;
  /** A key of the envelope or of its params is written with an escape. */
  readonly hasEscapedKey: boolean;
  readonly messages: readonly MessageOffsets[];
}

/** What the key at a level means, as far as offsets need to know. */
const OTHER = 0;
const ID = 1;
const PARAMS = 2;
const META = 3;
const PROGRESS_TOKEN = 4;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const SPACE = 0x20;

/** Stops at `depthMax` or `valuesMax`, whichever is passed first; the caller refuses by the figures. */
export function scanJson(bytes: Buffer, isBatch: boolean, { depthMax, valuesMax }: { depthMax: number; valuesMax: number }): JsonScan {
  const envelope = isBatch ? 2 : 1;
  const isObject: boolean[] = [];
  const keys: number[] = [];
  const messages: MessageOffsets[] = [];
  let message: MessageOffsets = noOffsets();
  let [depth, deepest, members, values, at] = [0, 0, 0, 0, 0];
  let expectsKey = false;
  let hasEscapedKey = false;

  while (at < bytes.length && deepest <= depthMax && values <= valuesMax) {
    const byte = bytes[at] ?? 0;
    if (byte <= SPACE) {
      at++;
    } else if (byte === QUOTE) {
      const end = endOfString(bytes, at);
      if (!expectsKey) {
        values++;
        noteToken(at, end);
      } else {
        expectsKey = false;
        if (depth >= envelope && depth <= envelope + 2) noteKey(at, end);
      }
      at = end;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      values++;
      depth++;
      if (depth > deepest) deepest = depth;
      isObject[depth] = byte === OPEN_BRACE;
      keys[depth] = OTHER;
      expectsKey = byte === OPEN_BRACE;
      if (depth === envelope && expectsKey) messages.push((message = noOffsets()));
      at++;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth--;
      expectsKey = false;
      at++;
    } else if (byte === COMMA) {
      expectsKey = isObject[depth] === true;
      at++;
    } else if (byte === COLON) {
      members++;
      at++;
    } else {
      values++;
      const end = endOfScalar(bytes, at);
      noteToken(at, end);
      at = end;
    }
  }
  return { members, values, depth: deepest, hasEscapedKey, messages };

  function noteKey(start: number, end: number): void {
    const level = depth - envelope;
    const isJudged = level === 0 || (level === 1 && keys[envelope] === PARAMS);
    const isMeta = level === 2 && keys[envelope] === PARAMS && keys[envelope + 1] === META;
    keys[depth] = OTHER;
    if (!isJudged && !isMeta) return;
    if (bytes.subarray(start, end).includes(BACKSLASH)) hasEscapedKey = true;
    else if (level === 0) keys[depth] = isText(bytes, start, end, 'id') ? ID : isText(bytes, start, end, 'params') ? PARAMS : OTHER;
    else if (level === 1) keys[depth] = isText(bytes, start, end, '_meta') ? META : OTHER;
    else keys[depth] = isText(bytes, start, end, 'progressToken') ? PROGRESS_TOKEN : OTHER;
  }

  /** A string or scalar value: of interest when the keys above it lead to it. */
  function noteToken(start: number, end: number): void {
    if (depth === envelope && keys[depth] === ID) [message.idStart, message.idEnd] = [start, end];
    else if (depth === envelope + 2 && keys[depth] === PROGRESS_TOKEN) [message.progressTokenStart, message.progressTokenEnd] = [start, end];
  }
}

function noOffsets(): MessageOffsets {
  return { idStart: -1, idEnd: -1, progressTokenStart: -1, progressTokenEnd: -1 };
}

/** Just behind the closing quote. Long strings are skipped by the native search for quotes. */
function endOfString(bytes: Buffer, open: number): number {
  let close = bytes.indexOf(QUOTE, open + 1);
  while (close !== -1 && isEscaped(bytes, close, open)) close = bytes.indexOf(QUOTE, close + 1);
  return close === -1 ? bytes.length : close + 1;
}

/** An odd run of backslashes before a quote escapes it. */
function isEscaped(bytes: Buffer, quote: number, open: number): boolean {
  let at = quote - 1;
  while (at > open && bytes[at] === BACKSLASH) at--;
  return (quote - 1 - at) % 2 === 1;
}

function endOfScalar(bytes: Buffer, from: number): number {
  let at = from;
  for (let byte = bytes[at]; byte !== undefined && byte > SPACE && byte !== COMMA && byte !== CLOSE_BRACE && byte !== CLOSE_BRACKET; byte = bytes[at]) at++;
  return at;
}

function isText(bytes: Buffer, open: number, end: number, text: string): boolean {
  if (end - open !== text.length + 2) return false;
  for (let index = 0; index < text.length; index++) if (bytes[open + 1 + index] !== text.charCodeAt(index)) return false;
  return true;
}
