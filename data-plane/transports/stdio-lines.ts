/** Cuts the output of a child process into lines, however its chunks fall, and never holds more than one longest line. */

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

export class LineFramer {
  readonly #lineBytesMax: number;
  readonly #onLine: (line: Buffer) => void;
  #parts: Buffer[] = [];
  #partBytes = 0;

  /** `onLine` gets each line without its end (`\n` or `\r\n`), as bytes that stay valid only as long as the chunk does. */
  constructor(lineBytesMax: number, onLine: (line: Buffer) => void) {
    this.#lineBytesMax = lineBytesMax;
    this.#onLine = onLine;
  }

  /** False when a line is longer than allowed: its bytes are gone, and the rest of the output cannot be trusted to begin a message. */
  push(chunk: Buffer): boolean {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      if (this.#partBytes + end - start > this.#lineBytesMax) return this.#giveUp();
      this.#onLine(withoutReturn(this.#join(chunk.subarray(start, end))));
      start = end + 1;
    }
    if (start === chunk.length) return true;
    this.#partBytes += chunk.length - start;
    if (this.#partBytes > this.#lineBytesMax) return this.#giveUp();
    this.#parts.push(chunk.subarray(start));
    return true;
  }

  #join(last: Buffer): Buffer {
    if (this.#partBytes === 0) return last;
    const line = Buffer.concat([...this.#parts, last]);
    this.#forget();
    return line;
  }

  #giveUp(): false {
    this.#forget();
    return false;
  }

  #forget(): void {
    this.#parts = [];
    this.#partBytes = 0;
  }
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
}
