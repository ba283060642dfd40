/** The detectors that a filter has chosen: each looks at every string, key and long number alone. */
import { detectorOf, READS_NUMBERS, type Detector, type DetectorName } from './detectors.ts';
import type { FoundRule } from './filter-match.ts';
import { visibleText } from './fold-text.ts';
import { textsIn, type JudgedText } from './judged-text.ts';
import { SpanMap } from './span-map.ts';

interface Chosen {
  readonly name: DetectorName;
  readonly detect: Detector;
  readonly readsNumbers: boolean;
}

export class DetectorSet {
  readonly #chosen: readonly Chosen[];

  constructor(names: readonly DetectorName[]) {
    this.#chosen = [...new Set(names)].map((name) => ({ name, detect: detectorOf(name), readsNumbers: READS_NUMBERS.has(name) }));
  }

  /** The name of one that finds something. Strings are judged without invisible characters and in their compatibility form (NFKC). */
  findIn(value: unknown): DetectorName | undefined {
    if (this.#chosen.length === 0) return undefined;
    for (const { text, role } of textsIn(value)) {
      const visible = visibleText(text);
      for (const { name, detect, readsNumbers } of this.#chosen) if ((role !== 'NUMBER' || readsNumbers) && detect(visible).length > 0) return name;
    }
    return undefined;
  }

  findAllIn(texts: readonly JudgedText[]): FoundRule[] {
    const found: FoundRule[] = [];
    for (const { name, detect, readsNumbers } of this.#chosen) {
      for (const [index, { text, role }] of texts.entries()) {
        if (role === 'NUMBER' && !readsNumbers) continue;
        const visible = visibleText(text);
        const map = new SpanMap(text, visible, visibleText);
        for (const { start, end } of detect(visible)) found.push({ rule: name, kind: 'DETECTOR', parts: [{ index, ...map.originalOf(start, end) }] });
      }
    }
    return found;
  }
}
