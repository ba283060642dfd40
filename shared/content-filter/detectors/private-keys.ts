/** Finds private keys in the textual forms of OpenSSL, OpenSSH, PGP and PuTTY, whole or cut off. */
import { END_OF_TEXT } from '../judged-text.ts';
import type { Span } from '../span.ts';

const BEGIN = /-----BEGIN (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-\d/g;
const END = '-----END ';
const DASHES = '-----';

/** A key goes on to its last line, in whichever text that stands, or, without one, to the end of its own. */
export function privateKeysIn(text: string): Span[] {
  const spans: Span[] = [];
  let [behind, lastLine] = [0, -1];
  for (const { index } of text.matchAll(BEGIN)) {
    if (index < behind) continue;
    // Looked for no more often than there are any, or many keys without an end would each search all that follows.
    if (lastLine < index) lastLine = placeOf(END, text, index) ?? Infinity;
    behind = lastLine === Infinity ? endOfText(text, index) : endOfLastLine(text, lastLine + END.length);
    spans.push({ start: index, end: behind });
  }
  return spans;
}

function endOfLastLine(text: string, from: number): number {
  const end = endOfText(text, from);
  const dashes = placeOf(DASHES, text, from) ?? end;
  return Math.min(dashes + DASHES.length, end);
}

function endOfText(text: string, from: number): number {
  return placeOf(END_OF_TEXT, text, from) ?? text.length;
}

function placeOf(what: string, text: string, from: number): number | undefined {
  const at = text.indexOf(what, from);
  return at === -1 ? undefined : at;
}
