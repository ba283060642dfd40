/** Reads the texts of messages from their bytes, each with its place there, so that one can be replaced and nothing else changes. */
import { isExactBlob, textOfBlob } from '../../shared/content-filter/blob-text.ts';
import { digitsOf } from '../../shared/content-filter/json-strings.ts';
import type { JudgedText } from '../../shared/content-filter/judged-text.ts';
import { endOfString, skipSpace, type ByteRange } from '../transports/json-members.ts';

export interface MessageText extends JudgedText, ByteRange {
  /** Others decide by it what the message is, or where it belongs: it cannot be replaced. */
  readonly isFixed: boolean;
  /** It stands there in Base64. */
  readonly isBlob: boolean;
}

/** Where in a message a value stands. */
type Place = 'MESSAGE' | 'PARAMS' | 'RESULT' | 'FREE' | 'FIXED';

const FIXED_PARAMS: ReadonlySet<string> = new Set([
  '_meta',
  'ref',
  'name',
  'uri',
  'cursor',
  'requestId',
  'progressToken',
  'protocolVersion',
  'requestState',
  'level',
]);
const FIXED_RESULTS: ReadonlySet<string> = new Set(['protocolVersion', 'nextCursor', 'resultType', 'requestState', 'cacheScope']);
/** Strings by which a reader knows what it reads. */
const KIND_LABELS: ReadonlySet<string> = new Set(['type', 'role', 'mimeType']);

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const OPEN_BRACE = 0x7b;

/** The texts of a message, or of the messages of a batch, in the order of the bytes, which must be valid JSON of bounded depth. */
export function messageTextsOf(bytes: Buffer): MessageText[] {
  const reader = new TextReader(bytes);
  reader.read('', 'MESSAGE');
  return reader.texts;
}

class TextReader {
  readonly texts: MessageText[] = [];
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  read(label: string, place: Place): void {
    this.#at = skipSpace(this.#bytes, this.#at);
    switch (this.#bytes[this.#at]) {
      case OPEN_BRACE:
        return this.#readObject(place);
      case OPEN_BRACKET:
        return this.#readEach(() => this.read(label, place === 'MESSAGE' || place === 'FIXED' ? place : 'FREE'));
      case QUOTE:
        this.#add('VALUE', label, place === 'FIXED');
        return;
      default:
        return this.#readScalar(label);
    }
  }

  #readObject(place: Place): void {
    const places: { blob?: number; mimeType?: number } = {};
    this.#readEach(() => {
      const { text: key } = this.#add('KEY', '', true);
      // Over the colon.
      this.#at = skipSpace(this.#bytes, skipSpace(this.#bytes, this.#at) + 1);
      if ((key === 'blob' || key === 'mimeType') && this.#bytes[this.#at] === QUOTE) places[key] = this.texts.length;
      this.read(key, placeOfMember(place, key));
    });
    if (places.blob !== undefined) this.#addDecoded(places.blob, places.mimeType);
  }

  /** What a string in Base64 says stands right behind it, as it does for whoever visits the parsed value. */
  #addDecoded(at: number, mimeTypeAt: number | undefined): void {
    const blob = this.texts[at];
    const text = textOfBlob(blob?.text, mimeTypeAt === undefined ? undefined : this.texts[mimeTypeAt]?.text);
    if (blob === undefined || text === undefined) return;
    this.texts.splice(at + 1, 0, { ...blob, text, isFixed: blob.isFixed || !isExactBlob(blob.text), isBlob: true });
  }

  /** Each element of an array or member of an object, whose bracket comes next. */
  #readEach(read: () => void): void {
    const closer = (this.#bytes[this.#at] ?? 0) + 2;
    let next = skipSpace(this.#bytes, this.#at + 1);
    if (this.#bytes[next] !== closer) {
      do {
        this.#at = next;
        read();
        this.#at = skipSpace(this.#bytes, this.#at);
        next = skipSpace(this.#bytes, this.#at + 1);
      } while (this.#bytes[this.#at] === COMMA);
    } else this.#at = next;
    this.#at++;
  }

  #readScalar(label: string): void {
    const start = this.#at;
    while (isScalar(this.#bytes[this.#at])) this.#at++;
    const text = digitsOf(Number(this.#bytes.toString('latin1', start, this.#at)));
    if (text !== undefined) this.texts.push({ text, label, role: 'NUMBER', start, end: this.#at, isFixed: true, isBlob: false });
  }

  #add(role: 'VALUE' | 'KEY', label: string, isFixed: boolean): MessageText {
    const start = skipSpace(this.#bytes, this.#at);
    this.#at = endOfString(this.#bytes, start);
    const text = String(JSON.parse(this.#bytes.toString('utf8', start, this.#at)));
    const added: MessageText = { text, label, role, start, end: this.#at, isFixed, isBlob: false };
    this.texts.push(added);
    return added;
  }
}

function placeOfMember(place: Place, key: string): Place {
  switch (place) {
    case 'MESSAGE':
      if (key === 'params') return 'PARAMS';
      if (key === 'result') return 'RESULT';
      return key === 'error' ? 'FREE' : 'FIXED';
    case 'PARAMS':
      return FIXED_PARAMS.has(key) ? 'FIXED' : 'FREE';
    case 'RESULT':
      return FIXED_RESULTS.has(key) ? 'FIXED' : 'FREE';
    case 'FREE':
      return KIND_LABELS.has(key) ? 'FIXED' : 'FREE';
    case 'FIXED':
      return 'FIXED';
  }
}

/** Of a number or a word, which end with a bracket, a comma or white space. */
function isScalar(byte: number | undefined): boolean {
  return byte !== undefined && byte > 0x20 && byte !== COMMA && byte !== 0x5d && byte !== 0x7d;
}
