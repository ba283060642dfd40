/** Brings text into the form in which spellings of the same word are equal: width, case and invisible characters are gone. */

const ASCII = /^[\0-\x7f]*$/;
/** Control characters other than white space. */
const ASCII_INVISIBLE = /[\0-\x08\x0e-\x1f\x7f]/g;
/** The same, and what a reader does not see: joiners, marks of direction, variation selectors, fillers, tags. For a pattern with the flag `u`. */
export const INVISIBLE_CLASS = '[\\p{Default_Ignorable_Code_Point}\\p{Cf}\\0-\\x08\\x0e-\\x1f\\x7f-\\x84\\x86-\\x9f]';
const INVISIBLE = new RegExp(INVISIBLE_CLASS, 'gu');
/** Upper case loses what lower case tells apart; these forms come back when it is undone. */
const FINAL_SIGMA = /ς/g;
const DOT_ABOVE_I = /i̇/g;
/** Strokes, rings and the like that no letter has taken in: what is struck through is read all the same. */
const LOOSE_MARKS = /[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]/g;

/** Compatibility forms (NFKC) without invisible characters and marks that belong to no letter; case stays. */
export function visibleText(text: string): string {
  return ASCII.test(text) ? text.replace(ASCII_INVISIBLE, '') : compatibilityForm(text);
}

/**
 * Without case as well, as generously as any reader folds it: over upper case and back, so that `ß` is `ss` and the dotless `ı` is `i`
 * (some languages compare by upper case, others by lower case).
 */
export function foldText(text: string): string {
  if (ASCII.test(text)) return text.replace(ASCII_INVISIBLE, '').toLowerCase();
  return compatibilityForm(text).toUpperCase().toLowerCase().replace(FINAL_SIGMA, 'σ').replace(DOT_ABOVE_I, 'i');
}

function compatibilityForm(text: string): string {
  return (mayHoldInvisible(text) ? text.replace(INVISIBLE, '') : text).normalize('NFKC').replace(LOOSE_MARKS, '');
}

/** Code units that are invisible, or begin a pair that may be. Most text has none, and is spared the slow search for them. */
const SUSPECTS = Uint8Array.from({ length: 0x10000 }, (_, code) => Number(String.fromCharCode(code).search(INVISIBLE) !== -1));
SUSPECTS.fill(1, 0xd800, 0xdc00);

function mayHoldInvisible(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (SUSPECTS[text.charCodeAt(at)] === 1) return true;
  return false;
}
