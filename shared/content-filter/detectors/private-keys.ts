/** Finds private keys in the textual forms of OpenSSL, OpenSSH, PGP and PuTTY, whole or cut off. */
import type { Span } from '../span.ts';

const BEGIN = /-----BEGIN (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-\d/g;
const END = '-----END ';
const DASHES = '-----';

/** A key goes on to its last line, or, without one, to the end of the text. */
export function privateKeysIn(text: string): Span[] {
  const spans: Span[] = [];
  let behind = 0;
  for (const { index } of text.matchAll(BEGIN)) {
    if (index < behind) continue;
    const end = text.indexOf(END, index);
    const dashes = end === -1 ? -1 : text.indexOf(DASHES, end + END.length);
    behind = dashes === -1 ? text.length : dashes + DASHES.length;
    spans.push({ start: index, end: behind });
  }
  return spans;
}
