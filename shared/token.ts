/** The format of every bearer token of ours, and the keyed hash under which it is stored; both planes must agree on each bit. */
import { createHmac, randomBytes } from 'node:crypto';
import { KeyedHash } from './keyed-hash.ts';

/** A prefix for each kind, so that the wrong kind of token is recognised and named. */
export const TOKEN_PREFIXES = { apiKey: 'vk', adminToken: 'tpa', dataPlaneToken: 'tpd', invitation: 'tpi', session: 'tps' } as const;
export type TokenKind = keyof typeof TOKEN_PREFIXES;
const KINDS: readonly TokenKind[] = ['adminToken', 'dataPlaneToken', 'invitation', 'session'];

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const PUBLIC_ID_LENGTH = 10;
const SECRET_LENGTH = 43;
const CHECKSUM_LENGTH = 6;
const TOKEN = /^(vk|tp[adis])_([0-9A-Za-z]{10})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/;
const TOKEN_ANYWHERE = /\b(vk|tp[adis])_([0-9A-Za-z]{10})_[0-9A-Za-z]{49}/g;
/** No token of ours is longer, so nothing longer is worth a look. */
export const TOKEN_LENGTH_MAX = 3 + 1 + PUBLIC_ID_LENGTH + 1 + SECRET_LENGTH + CHECKSUM_LENGTH;

/** A token in the clear. It exists at creation and while a request is authenticated, nowhere else. */
export interface MintedToken {
  readonly token: string;
  readonly publicId: string;
  /** What may be shown and logged: `vk_7Yq4mZ8Kp1`. */
  readonly prefix: string;
}

/** Makes a token of 256 random bits with a checksum, so that secret scanners can tell a leaked one from noise. */
export function mintToken(kind: TokenKind): MintedToken {
  const publicId = base62(randomBytes(16), PUBLIC_ID_LENGTH);
  const prefix = `${TOKEN_PREFIXES[kind]}_${publicId}`;
  const body = `${prefix}_${base62(randomBytes(32), SECRET_LENGTH)}`;
  return { token: body + checksumOf(body), publicId, prefix };
}

export type TokenReading = { readonly kind: TokenKind; readonly publicId: string; readonly prefix: string } | { readonly kind: 'malformed' };

/** Reads the public half of a token. Length and characters alone are judged here: the checksum is for scanners and typing errors. */
export function readToken(text: string): TokenReading {
  const match = text.length <= TOKEN_LENGTH_MAX ? TOKEN.exec(text) : null;
  if (match === null) return { kind: 'malformed' };
  const publicId = match[2] ?? '';
  return { kind: kindOf(match[1] ?? ''), publicId, prefix: `${match[1]}_${publicId}` };
}

/** Whether the last six characters fit the rest. A token that fails was mistyped or made up. */
export function hasValidChecksum(token: string): boolean {
  const body = token.slice(0, -CHECKSUM_LENGTH);
  return checksumOf(body) === token.slice(-CHECKSUM_LENGTH);
}

/** Leaves the prefix of each token in a text and hides the rest, for logs and relayed errors. */
export function redactTokens(text: string): string {
  return text.replace(TOKEN_ANYWHERE, '$1_$2_[redacted]');
}

/** Computes the keyed hash under which tokens are stored. */
export class TokenHasher {
  #key: Buffer;
  #hash: KeyedHash;

  /** `key` is the one of the installation, which the subkey `token-hash` of its first secret key is. */
  constructor(key: Buffer) {
    this.#key = key;
    this.#hash = new KeyedHash(key, TOKEN_LENGTH_MAX);
  }

  /** Takes the key that the configuration says, for whoever could only guess it until then. */
  use(key: Buffer): void {
    if (key.equals(this.#key)) return;
    this.#key = key;
    this.#hash = new KeyedHash(key, TOKEN_LENGTH_MAX);
  }

  /** In base64url; throws on texts that are longer than any token. */
  hash(token: string): string {
    return this.#hash.of(token);
  }
}

function kindOf(prefix: string): TokenKind {
  return KINDS.find((kind) => TOKEN_PREFIXES[kind] === prefix) ?? 'apiKey';
}

function base62(bytes: Buffer, length: number): string {
  let rest = BigInt(`0x${bytes.toString('hex')}`);
  let text = '';
  while (text.length < length) {
    text += BASE62.charAt(Number(rest % 62n));
    rest /= 62n;
  }
  return text;
}

/** 35 bits of a public, unkeyed digest: it tells a token from noise and proves nothing. */
function checksumOf(body: string): string {
  return base62(createHmac('sha256', 'turnpike-token-checksum').update(body).digest().subarray(0, 8), CHECKSUM_LENGTH);
}
