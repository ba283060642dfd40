/** Collects lines for a child process and writes those of one turn of the event loop at once, as fast as the child reads. */
import type { Writable } from 'node:stream';

export class Outbox {
  readonly #stream: Writable;
  readonly #bytesMax: number;
  #lines: Buffer[] = [];
  #bytes = 0;
  #isHeld = true;
  #isScheduled = false;
  #waitsForDrain = false;

  /** At most `bytesMax` wait here, beside what the stream itself has taken. */
  constructor(stream: Writable, bytesMax: number) {
    this.#stream = stream;
    this.#bytesMax = bytesMax;
    stream.on('drain', () => {
      this.#waitsForDrain = false;
      this.#flush();
    });
  }

  /** Writes past everything that waits, for the handshake that opens the way. */
  writeFirst(line: Buffer): void {
    this.#stream.write(line);
  }

  /** Until now lines were held. */
  open(): void {
    this.#isHeld = false;
    this.#flush();
  }

  /** False when too much waits already; the line is not taken. */
  push(line: Buffer): boolean {
    if (this.#bytes + line.length > this.#bytesMax) return false;
    this.#bytes += line.length;
    this.#lines.push(line);
    if (this.#isScheduled || this.#isHeld || this.#waitsForDrain) return true;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#flush();
    });
    return true;
  }

  #flush(): void {
    const lines = this.#lines;
    const [first] = lines;
    if (first === undefined || this.#isHeld || this.#waitsForDrain || !this.#stream.writable) return;
    this.#lines = [];
    this.#waitsForDrain = !this.#stream.write(lines.length === 1 ? first : Buffer.concat(lines, this.#bytes));
    this.#bytes = 0;
  }
}
