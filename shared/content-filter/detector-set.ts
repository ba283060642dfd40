/** The detectors that a filter has chosen: each looks at every string, key and long number. */
import { detectorOf, type Detector, type DetectorName } from './detectors.ts';
import type { FoundRule } from './filter-match.ts';
import { visibleText } from './fold-text.ts';
import { visitStrings } from './json-strings.ts';
import { END_OF_TEXT, KIND_LABEL, type JudgedText } from './judged-text.ts';
import { MappedText } from './mapped-text.ts';

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

  /** Values are searched as one text, since a private key may stand in several of them; whatever else there is to find ends with its text. */
  findAllIn(texts: readonly JudgedText[]): FoundRule[] {
    if (this.#chosen.length === 0) return [];
    const together = texts.flatMap((text, index) => (isRead(text) ? [index] : []));
    const alone = texts.flatMap((text, index) => (isRead(text) ? [] : [[index]]));
    return [together, ...alone].flatMap((indexes) => this.#findAllAmong(texts, indexes));
  }

  #findAllAmong(texts: readonly JudgedText[], indexes: readonly number[]): FoundRule[] {
    const whole = new MappedText(texts, indexes, { form: visibleText, separator: END_OF_TEXT });
    return this.#chosen.flatMap(({ name, detect }) =>
      detect(whole.text).map(({ start, end }): FoundRule => ({ rule: name, kind: 'DETECTOR', parts: whole.partsOf(start, end) })),
    );
  }
}

function isRead({ role, label }: JudgedText): boolean {
  return role === 'VALUE' && label !== KIND_LABEL;
}
