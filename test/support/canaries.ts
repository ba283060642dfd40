/** Secrets that a test lets in, by name, so that it can look for each of them afterwards, in whatever form it got out. */
import { randomBytes } from 'node:crypto';

export class Canaries {
  readonly #secrets = new Map<string, string>();

  /** A new secret of that name. */
  make(name: string): string {
    return this.note(name, `canary-${randomBytes(12).toString('hex')}`);
  }

  /** One that the product has made. */
  note(name: string, secret: string): string {
    this.#secrets.set(name, secret);
    return secret;
  }

  get size(): number {
    return this.#secrets.size;
  }

  /** The names of those that stand in the text, as they are or encoded in a way that is easily undone. */
  in(text: string): string[] {
    return [...this.#secrets].filter(([, secret]) => formsOf(secret).some((form) => text.includes(form))).map(([name]) => name);
  }
}

function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [secret, encodeURIComponent(secret), bytes.toString('hex'), ...base64FormsOf(bytes)];
}

/** In the middle of other bytes a text has another form in base64 for each place where it may begin; its ends are mixed with what is beside it. */
function base64FormsOf(bytes: Buffer): string[] {
  return [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .slice(4, -4),
  );
}
