/** Ids of ours that take the place of a caller's: each holds the id that it stands for, so that any node can give that back. */
import { randomBytes } from 'node:crypto';

/** How the token of such an id begins: bytes without this hold none. */
export const OWN_ID_MARK = Buffer.from('"turnpike:');
const OWN_ID = /^"turnpike:[\w-]+:([\w-]+)"$/;
const INTEGER = /^-?\d+$/;
const NODE_BYTES = 9;

export class OwnIds {
  /** Other nodes make ids for the same session of an upstream, and theirs must be others. */
  readonly #node = randomBytes(NODE_BYTES).toString('base64url');
  #lastNumber = 0;

  /** A new id, as a token of JSON, that stands for the id of this token. */
  standInFor(idToken: string): string {
    return `"turnpike:${this.#node}-${++this.#lastNumber}:${Buffer.from(idToken).toString('base64url')}"`;
  }
}

/** Whether an id of a caller, as a value, could be taken for one of ours. */
export function looksLikeOwnId(id: unknown): boolean {
  return typeof id === 'string' && id.startsWith('turnpike:');
}

/** The token that an id of ours stands for; undefined for any other id. */
export function originalOf(idToken: string): string | undefined {
  const encoded = OWN_ID.exec(idToken)?.[1];
  if (encoded === undefined) return undefined;
  const original = Buffer.from(encoded, 'base64url').toString('utf8');
  // A server may make up what looks like an id of ours, and is not to write anything else than an id with it.
  return isIdToken(original) ? original : undefined;
}

function isIdToken(text: string): boolean {
  try {
    return INTEGER.test(text) || typeof JSON.parse(text) === 'string';
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
