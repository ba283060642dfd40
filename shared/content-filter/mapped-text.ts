/** Several texts in the form in which they are searched, joined to one that knows where each of its characters stood. */
import type { JudgedText, TextPart } from './judged-text.ts';
import { SpanMap } from './span-map.ts';

interface Member {
  readonly index: number;
  readonly map: SpanMap;
  /** Where its form stands in the whole. */
  readonly start: number;
  readonly end: number;
}

export class MappedText {
  readonly text: string;
  readonly #members: readonly Member[];

  /** `indexes` says which of the texts, and in which order. */
  constructor(texts: readonly JudgedText[], indexes: readonly number[], { form, separator }: { form: (text: string) => string; separator: string }) {
    const members: Member[] = [];
    const forms: string[] = [];
    let start = 0;
    for (const index of indexes) {
      const original = texts[index]?.text ?? '';
      const formed = form(original);
      const end = start + formed.length;
      members.push({ index, map: new SpanMap(original, formed, form), start, end });
      forms.push(formed);
      start = end + separator.length;
    }
    this.#members = members;
    this.text = forms.join(separator);
  }

  /** The parts of the texts of which a span of the whole was made. */
  partsOf(start: number, end: number): TextPart[] {
    const parts: TextPart[] = [];
    for (let at = this.#firstBehind(start); at < this.#members.length; at++) {
      const member = this.#members[at];
      if (member === undefined || member.start >= end) break;
      const [from, to] = [Math.max(start, member.start) - member.start, Math.min(end, member.end) - member.start];
      if (from < to) parts.push({ index: member.index, ...member.map.originalOf(from, to) });
    }
    return parts;
  }

  /** The first member that ends behind there. */
  #firstBehind(start: number): number {
    let [low, high] = [0, this.#members.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#members[middle]?.end ?? Infinity) > start) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
