/** The detectors that a filter has chosen: each looks at every string, key and long number alone. */
import { detectorOf, type Detector, type DetectorName } from './detectors.ts';
import type { FoundRule } from './filter-match.ts';
import { visibleText } from './fold-text.ts';
import { visitStrings } from './json-strings.ts';
import type { JudgedText } from './judged-text.ts';
import { SpanMap } from './span-map.ts';

interface Chosen {
  readonly name: DetectorName;
  readonly detect: Detector;
}

export class DetectorSet {
  readonly #chosen: readonly Chosen[];

  constructor(names: readonly DetectorName[]) {
    this.#chosen = [...new Set(names)].map((name) => ({ name, detect: detectorOf(name) }));
  }

  /** The name of one that finds something. Strings are judged without invisible characters and in their compatibility form (NFKC). */
  findIn(value: unknown): DetectorName | undefined {
    if (this.#chosen.length === 0) return undefined;
    const texts: string[] = [];
    const collect = (text: string): false => {
      texts.push(text);
      return false;
    };
    visitStrings(value, { key: collect, value: collect, number: collect });
    // No detector reads on over the end of a line but that of private keys, whose first line is enough.
    const whole = visibleText(texts.join('\n'));
    return this.#chosen.find(({ detect }) => detect(whole).length > 0)?.name;
  }

  findAllIn(texts: readonly JudgedText[]): FoundRule[] {
    const found: FoundRule[] = [];
    for (const [index, { text }] of texts.entries()) {
      const visible = visibleText(text);
      const map = new SpanMap(text, visible, visibleText);
      for (const { name, detect } of this.#chosen)
        for (const { start, end } of detect(visible)) found.push({ rule: name, kind: 'DETECTOR', parts: [{ index, ...map.originalOf(start, end) }] });
    }
    return found;
  }
}
