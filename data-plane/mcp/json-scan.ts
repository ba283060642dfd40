/** Walks once over the bytes of JSON: counts the members that were written, measures the nesting, and leads a finder to the keys. */

/** What hears of keys near the top of a document, in the order in which they stand. */
export interface KeyFinder {
  /** Keys deeper than this are not told. The outermost object has depth 1. */
  readonly depthMax: number;
  openObject(depth: number): void;
  /** A key stands from `start` up to, not including, `end`, quotes included; its value begins behind `colon`. */
  key(depth: number, start: number, end: number, colon: number): void;
}

/** For who asks only for the figures. */
export const NO_KEYS: KeyFinder = { depthMax: 0, openObject: () => undefined, key: () => undefined };

export interface JsonScan {
  /** Colons outside strings: one for each member that was written, so a key that stands twice counts twice. */
  readonly members: number;
  /** Commas, colons and opening brackets: a measure of how many tokens there are that no white space can stretch. */
  readonly tokens: number;
  readonly depth: number;
}

export interface JsonLimits {
  readonly depthMax: number;
  readonly tokensMax: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** A string that is longer is searched for its end by the engine's own search, which looks at many bytes at once. */
const SHORT_STRING_BYTES = 48;

const [PLAIN, STRING, COMMA, COLON, OBJECT, ARRAY, CLOSE] = [0, 1, 2, 3, 4, 5, 6] as const;
const KINDS = new Uint8Array(256).fill(PLAIN);
for (const [character, kind] of [
  ['"', STRING],
  [',', COMMA],
  [':', COLON],
  ['{', OBJECT],
  ['[', ARRAY],
  ['}', CLOSE],
  [']', CLOSE],
] as const) {
  KINDS[character.charCodeAt(0)] = kind;
}

/**
 * `latin1` holds the same bytes, one character each. Ends on any bytes at all, but the figures only mean something for valid JSON.
 * Stops soon after a limit is passed, with the figure that passed it.
 */
export function scanJson(bytes: Uint8Array, latin1: string, finder: KeyFinder, { depthMax, tokensMax }: JsonLimits): JsonScan {
  const { length } = bytes;
  const keyDepthMax = finder.depthMax;
  let [at, depth, deepest, members, tokens, stringStart, stringEnd] = [0, 0, 0, 0, 0, 0, 0];
  while (at < length) {
    const kind = KINDS[bytes[at] ?? 0];
    if (kind === PLAIN) {
      at++;
      continue;
    }
    if (kind === STRING) {
      stringStart = at;
      at = endOfString(bytes, latin1, at + 1);
      stringEnd = at;
      continue;
    }
    if (kind === CLOSE) {
      depth--;
    } else {
      tokens++;
      if (kind === COLON) {
        members++;
        if (depth <= keyDepthMax) finder.key(depth, stringStart, stringEnd, at);
      } else if (kind !== COMMA) {
        depth++;
        if (depth > deepest) deepest = depth;
        if (kind === OBJECT && depth <= keyDepthMax) finder.openObject(depth);
        if (depth > depthMax) break;
      }
      if (tokens > tokensMax) break;
    }
    at++;
  }
  return { members, tokens, depth: deepest };
}

/** Just behind the closing quote of the string whose text begins at `from`; the end of the bytes when there is none. */
export function endOfString(bytes: Uint8Array, latin1: string, from: number): number {
  const near = Math.min(bytes.length, from + SHORT_STRING_BYTES);
  let at = from;
  while (at < near) {
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    at += byte === BACKSLASH ? 2 : 1;
  }
  return endOfLongString(latin1, at);
}

function endOfLongString(latin1: string, from: number): number {
  let quote = latin1.indexOf('"', from);
  while (quote !== -1 && isEscaped(latin1, quote, from)) quote = latin1.indexOf('"', quote + 1);
  return quote === -1 ? latin1.length : quote + 1;
}

/** An odd run of backslashes before a quote escapes it. */
function isEscaped(latin1: string, quote: number, from: number): boolean {
  let at = quote;
  while (at > from && latin1.charCodeAt(at - 1) === BACKSLASH) at--;
  return (quote - at) % 2 === 1;
}
