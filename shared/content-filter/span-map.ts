/** Leads from a span in the searched form of a text back to the text as it was written. */
import { INVISIBLE_CLASS } from './fold-text.ts';
import type { Span } from './span.ts';

/** What a form is made of piece by piece: a character with the marks and the invisible ones behind it. */
const PIECE = new RegExp(`[^](?:\\p{M}|${INVISIBLE_CLASS})*`, 'gsu');

export class SpanMap {
  readonly #original: string;
  readonly #formed: string;
  readonly #form: (text: string) => string;
  /** For each character of the form the piece that it was made of; null when the form is not that of the pieces. */
  #pieces: { readonly starts: Int32Array; readonly ends: Int32Array } | null | undefined;

  constructor(original: string, formed: string, form: (text: string) => string) {
    this.#original = original;
    this.#formed = formed;
    this.#form = form;
  }

  /** All of the text, where the form cannot be taken apart. The span must not be empty. */
  originalOf(start: number, end: number): Span {
    if (this.#pieces === undefined) this.#pieces = this.#takeApart();
    if (this.#pieces === null) return { start: 0, end: this.#original.length };
    return { start: this.#pieces.starts[start] ?? 0, end: this.#pieces.ends[end - 1] ?? this.#original.length };
  }

  /** Characters of some scripts join with the one before: then the pieces do not make the whole, which is held against them. */
  #takeApart(): { readonly starts: Int32Array; readonly ends: Int32Array } | null {
    const [starts, ends] = [new Int32Array(this.#formed.length), new Int32Array(this.#formed.length)];
    let to = 0;
    for (const { 0: piece, index } of this.#original.matchAll(PIECE)) {
      const formed = this.#form(piece);
      if (!this.#formed.startsWith(formed, to)) return null;
      starts.fill(index, to, to + formed.length);
      ends.fill(index + piece.length, to, to + formed.length);
      to += formed.length;
    }
    return to === this.#formed.length ? { starts, ends } : null;
  }
}
