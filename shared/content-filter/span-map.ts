/** Leads from a span in the searched form of a text back to the text as it was written. */
import { INVISIBLE_CLASS } from './fold-text.ts';
import type { Span } from './span.ts';

/** Of most text each character is one of the form: ASCII, and letters of scripts that neither join nor grow with their case. */
const STEADY =
  '\\t-\\r -~\\u00c0-\\u00d6\\u00d8-\\u00de\\u00e0-\\u00f6\\u00f8-\\u00fe\\u0410-\\u044f\\u3041-\\u3096\\u30a1-\\u30fa\\u4e00-\\u9fff\\uac00-\\ud7a3';
const BEHIND = `(?:\\p{M}|${INVISIBLE_CLASS})`;
/** What a form is made of piece by piece: a run of steady characters, or a character with the marks and the invisible ones behind it. */
const PIECE = new RegExp(`(?<run>[${STEADY}]+)(?!${BEHIND})|[^]${BEHIND}*`, 'gu');
const WHOLLY_STEADY = new RegExp(`^[${STEADY}]*$`);

/** For each character of a form the piece of the text that it was made of. */
interface Pieces {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

export class SpanMap {
  readonly #original: string;
  readonly #formed: string;
  readonly #form: (text: string) => string;
  /** `SAME` where the form has a character for each of the text, null where it is not that of the pieces. */
  #pieces: Pieces | 'SAME' | null | undefined;

  constructor(original: string, formed: string, form: (text: string) => string) {
    this.#original = original;
    this.#formed = formed;
    this.#form = form;
  }

  /** All of the text, where the form cannot be taken apart. The span must not be empty. */
  originalOf(start: number, end: number): Span {
    if (this.#pieces === undefined) this.#pieces = this.#takeApart();
    if (this.#pieces === 'SAME') return { start, end };
    if (this.#pieces === null) return { start: 0, end: this.#original.length };
    return { start: this.#pieces.starts[start] ?? 0, end: this.#pieces.ends[end - 1] ?? this.#original.length };
  }

  /** Characters of some scripts join with the one before: then the pieces do not make the whole, which is held against them. */
  #takeApart(): Pieces | 'SAME' | null {
    const [original, whole] = [this.#original, this.#formed];
    if (whole.length === original.length && WHOLLY_STEADY.test(original)) return 'SAME';
    const [starts, ends] = [new Int32Array(whole.length), new Int32Array(whole.length)];
    let to = 0;
    for (const { 0: piece, index, groups } of original.matchAll(PIECE)) {
      const formed = this.#form(piece);
      if (!whole.startsWith(formed, to)) return null;
      const isRun = groups?.['run'] !== undefined && formed.length === piece.length;
      for (let at = 0; at < formed.length; at++, to++) {
        starts[to] = isRun ? index + at : index;
        ends[to] = isRun ? index + at + 1 : index + piece.length;
      }
    }
    return to === whole.length ? { starts, ends } : null;
  }
}
