/** Finds secrets that begin with a word of their issuer and go on in a known alphabet. */
import type { Span } from '../span.ts';
import { endOfRun, isAlphanumeric, type Alphabet } from './characters.ts';

/** A run in which so many beginnings lead nowhere is looked at no further. */
const TRIES_MAX = 8;

export interface SecretShape {
  readonly prefixes: readonly string[];
  /** What it is made of behind the prefix. */
  readonly alphabet: Alphabet;
  /** Characters behind the prefix. A longer run than `most` is something else. */
  readonly least: number;
  readonly most: number;
  /** Whether the whole is one, such as by its checksum. Its cost must not grow with the text. */
  readonly isReal?: (secret: string) => boolean;
}

export function secretsIn(text: string, shapes: readonly SecretShape[]): Span[] {
  const spans: Span[] = [];
  for (const shape of shapes) for (const prefix of shape.prefixes) findAll(text, prefix, shape, spans);
  return withoutOverlaps(spans);
}

function findAll(text: string, prefix: string, { alphabet, least, most, isReal }: SecretShape, into: Span[]): void {
  let [runEnd, tries] = [-1, 0];
  for (let at = text.indexOf(prefix); at !== -1; at = text.indexOf(prefix, at + 1)) {
    const body = at + prefix.length;
    // Another prefix in the same run ends with it as well: the run is walked once.
    if (body > runEnd) [runEnd, tries] = [endOfRun(alphabet, text, body), 0];
    const length = runEnd - body;
    if (length < least || length > most || isAlphanumeric(text, at - 1) || isAlphanumeric(text, runEnd) || tries++ >= TRIES_MAX) continue;
    if (isReal === undefined || isReal(text.slice(at, runEnd))) into.push({ start: at, end: runEnd });
  }
}

function withoutOverlaps(spans: Span[]): Span[] {
  if (spans.length < 2) return spans;
  let behind = 0;
  return spans.toSorted((left, right) => left.start - right.start || right.end - left.end).filter(({ start, end }) => start >= behind && (behind = end) > 0);
}
