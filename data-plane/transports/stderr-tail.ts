/** Keeps the end of what a child process writes to its standard error, and tells it without secrets. */
import { redactTokens } from '../../shared/token.ts';

const LINE_FEED = 0x0a;
/** Shorter values are words and numbers of everyday text. */
const SECRET_LENGTH_MIN = 4;

export class StderrTail {
  readonly #bytesMax: number;
  #bytes: Buffer = Buffer.alloc(0);
  #isCut = false;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  push(chunk: Buffer): void {
    const all = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    this.#isCut ||= all.length > this.#bytesMax;
    this.#bytes = Buffer.from(all.subarray(Math.max(0, all.length - this.#bytesMax)));
  }

  /** A cut may have left the end of a secret, which would not be recognised, so the first line goes when it is not whole. */
  tell(secrets: readonly string[]): string {
    const start = this.#isCut ? this.#bytes.indexOf(LINE_FEED) + 1 || this.#bytes.length : 0;
    let text = redactTokens(this.#bytes.toString('utf8', start));
    for (const line of secrets.flatMap((secret) => [secret, ...secret.split(/\r?\n/)])) {
      if (line.length >= SECRET_LENGTH_MIN) text = text.replaceAll(line, '[redacted]');
    }
    return text;
  }
}
