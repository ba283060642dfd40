/** Watches that no event of a stream is larger than it may be, without holding any of it. */

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

export class EventSize {
  readonly #bytesMax: number;
  /** Bytes since the end of the last event. */
  #openBytes = 0;
  /** Before the first byte stands, as it were, the end of a line. */
  #lastByte = LINE_FEED;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** False when the chunk holds a part of an event that is too large. */
  push(chunk: Buffer): boolean {
    const { length } = chunk;
    let fits = true;
    if (this.#openBytes + length <= this.#bytesMax && this.#isEventEnd(chunk, length - 1)) this.#openBytes = 0;
    else fits = this.#measure(chunk);
    this.#lastByte = chunk[length - 1] ?? this.#lastByte;
    return fits;
  }

  #measure(chunk: Buffer): boolean {
    // Most streams have no carriage return at all, and need not be searched for one again and again.
    const hasReturns = chunk.includes(CARRIAGE_RETURN);
    const lastEnd = this.#endUpTo(chunk.length, chunk, hasReturns);
    const before = this.#openBytes;
    this.#openBytes = lastEnd === 0 ? before + chunk.length : chunk.length - lastEnd;
    if (this.#openBytes > this.#bytesMax) return false;
    // As long as all that came since an earlier end would make an event that is small enough, so is each one in it.
    for (let end = lastEnd; end > 0 && before + end > this.#bytesMax;) {
      const start = this.#endUpTo(end - 1, chunk, hasReturns);
      if (end - start + (start === 0 ? before : 0) > this.#bytesMax) return false;
      end = start;
    }
    return true;
  }

  /** Where the last event ends that does so up to there; 0 when none does. */
  #endUpTo(limit: number, chunk: Buffer, hasReturns: boolean): number {
    let end = limit;
    while (end > 0 && !this.#isEventEnd(chunk, end - 1)) {
      const next = end - 2;
      end = next < 0 ? 0 : 1 + Math.max(chunk.lastIndexOf(LINE_FEED, next), hasReturns ? chunk.lastIndexOf(CARRIAGE_RETURN, next) : -1);
    }
    return end;
  }

  /** An event ends with the line end of an empty line (HTML Living Standard, 9.2.6). */
  #isEventEnd(chunk: Buffer, at: number): boolean {
    const byte = chunk[at];
    if (byte !== LINE_FEED && byte !== CARRIAGE_RETURN) return false;
    const isSecondHalf = byte === LINE_FEED && this.#byteAt(chunk, at - 1) === CARRIAGE_RETURN;
    const before = this.#byteAt(chunk, isSecondHalf ? at - 2 : at - 1);
    return before === LINE_FEED || before === CARRIAGE_RETURN;
  }

  /** Of what came before the chunk, the last byte; further back nothing is asked for that was not seen when it came. */
  #byteAt(chunk: Buffer, at: number): number | undefined {
    return at === -1 ? this.#lastByte : chunk[at];
  }
}
