/** Finds where the id and the progress token of each message stand in the bytes of a body. */
import { endOfString, type KeyFinder } from './json-scan.ts';

/** Offsets of one message; -1 where there is no such token, or where an object or array stands in its place. */
export interface MessageOffsets {
  idStart: number;
  idEnd: number;
  progressTokenStart: number;
  progressTokenEnd: number;
}

const [OTHER, PARAMS, META] = [0, 1, 2] as const;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const CLOSE_BRACKET = 0x5d;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const OPEN_BRACE = 0x7b;
const SPACE = 0x20;
const ESCAPED_CHARACTER = /\\u([0-9a-fA-F]{4})/g;

export class MessageOffsetFinder implements KeyFinder {
  readonly depthMax: number;
  readonly messages: MessageOffsets[] = [];
  readonly #bytes: Uint8Array;
  readonly #latin1: string;
  readonly #envelopeDepth: number;
  /** Which member of the envelope, and of its params, the scan is in. */
  #envelopeKey: number = OTHER;
  #paramsKey: number = OTHER;

  constructor(bytes: Uint8Array, latin1: string, isBatch: boolean) {
    this.#bytes = bytes;
    this.#latin1 = latin1;
    this.#envelopeDepth = isBatch ? 2 : 1;
    this.depthMax = this.#envelopeDepth + 2;
  }

  openObject(depth: number): void {
    if (depth === this.#envelopeDepth) this.messages.push({ idStart: -1, idEnd: -1, progressTokenStart: -1, progressTokenEnd: -1 });
  }

  key(depth: number, start: number, end: number, colon: number): void {
    const level = depth - this.#envelopeDepth;
    if (level === 0) this.#envelopeMember(start, end, colon);
    else if (level === 1 && this.#envelopeKey === PARAMS) this.#paramsKey = this.#is(start, end, '_meta') ? META : OTHER;
    else if (level === 2 && this.#paramsKey === META && this.#is(start, end, 'progressToken')) this.#progressToken(colon);
  }

  #envelopeMember(start: number, end: number, colon: number): void {
    this.#envelopeKey = this.#is(start, end, 'params') ? PARAMS : OTHER;
    this.#paramsKey = OTHER;
    const message = this.messages.at(-1);
    if (message === undefined || !this.#is(start, end, 'id')) return;
    message.idStart = this.#valueStart(colon);
    message.idEnd = this.#valueEnd(message.idStart);
    if (message.idEnd === -1) message.idStart = -1;
  }

  #progressToken(colon: number): void {
    const message = this.messages.at(-1);
    if (message === undefined) return;
    message.progressTokenStart = this.#valueStart(colon);
    message.progressTokenEnd = this.#valueEnd(message.progressTokenStart);
    if (message.progressTokenEnd === -1) message.progressTokenStart = -1;
  }

  #valueStart(colon: number): number {
    let at = colon + 1;
    while ((this.#bytes[at] ?? QUOTE) <= SPACE) at++;
    return at;
  }

  #valueEnd(start: number): number {
    const first = this.#bytes[start];
    if (first === QUOTE) return endOfString(this.#bytes, this.#latin1, start + 1);
    if (first === OPEN_BRACE || first === OPEN_BRACKET) return -1;
    let at = start;
    while (!endsScalar(this.#bytes[at])) at++;
    return at;
  }

  /** Compares a key as it is meant: letters may be written as `\u` escapes, and in no other way but as themselves. */
  #is(start: number, end: number, name: string): boolean {
    const [from, to] = [start + 1, end - 1];
    if (to - from === name.length) {
      for (let index = 0; index < name.length; index++) if (this.#bytes[from + index] !== name.charCodeAt(index)) return false;
      return true;
    }
    if (to - from < name.length || !this.#hasEscape(from, to)) return false;
    return this.#latin1.slice(from, to).replace(ESCAPED_CHARACTER, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16))) === name;
  }

  #hasEscape(from: number, to: number): boolean {
    for (let at = from; at < to; at++) if (this.#bytes[at] === BACKSLASH) return true;
    return false;
  }
}

function endsScalar(byte: number | undefined): boolean {
  return byte === undefined || byte <= SPACE || byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET;
}
