/** Knows whether an event stream stands between two events, where alone something may be written in between. */

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

export class EventBoundary {
  /** An empty line, of any of the three line endings, ends an event (HTML Living Standard, 9.2.6). */
  #isLineEmpty = true;
  #isLastReturn = false;
  #isBetween = true;

  /** Not right behind a carriage return, which may be half of a line end. */
  get isBetweenEvents(): boolean {
    return this.#isBetween && !this.#isLastReturn;
  }

  /** Only the end of a chunk matters: the last line that it completes, and what it leaves open. */
  push(chunk: Buffer): void {
    // Two endings of two bytes each are the longest that decide.
    for (let at = this.#skipTo(chunk); at < chunk.length; at++) this.#read(chunk[at]);
  }

  #skipTo(chunk: Buffer): number {
    const from = Math.max(0, chunk.length - 4);
    if (from > 0) [this.#isLineEmpty, this.#isLastReturn, this.#isBetween] = [false, chunk[from - 1] === CARRIAGE_RETURN, false];
    return from;
  }

  #read(byte: number | undefined): void {
    const isSecondHalf = byte === LINE_FEED && this.#isLastReturn;
    this.#isLastReturn = byte === CARRIAGE_RETURN;
    if (isSecondHalf) return;
    if (byte === LINE_FEED || byte === CARRIAGE_RETURN) {
      this.#isBetween = this.#isLineEmpty;
      this.#isLineEmpty = true;
    } else {
      this.#isBetween = false;
      this.#isLineEmpty = false;
    }
  }
}
