/** Derives every key of the product from `TURNPIKE_SECRET_KEY`, one subkey per purpose (HKDF, RFC 5869). */
import { hash, hkdfSync } from 'node:crypto';

const PURPOSES = [
  'token-hash',
  'sealed-secrets',
  'data-keys',
  'session-ids',
  'old-client-streams',
  'snapshot-file',
  'fingerprints',
  'node-proofs',
  'plane-proofs',
  'audit-heads',
  'export-links',
] as const;
export type KeyPurpose = (typeof PURPOSES)[number];

const SECRET_BYTES_MIN = 32;

export class SecretKey {
  readonly #master: Buffer;
  /** Names the key in sealed values, so that another key can be told from a damaged value. */
  readonly id: string;

  /** Throws a sentence for the operator when the text is not at least 32 bytes of base64. */
  constructor(base64: string, variable = 'TURNPIKE_SECRET_KEY') {
    const master = Buffer.from(base64, 'base64');
    if (master.length < SECRET_BYTES_MIN || /^(.)\1*$/.test(base64)) {
      throw new Error(`${variable} must be at least ${SECRET_BYTES_MIN} random bytes in base64, as \`openssl rand -base64 32\` prints them`);
    }
    this.#master = master;
    this.id = hash('sha256', Buffer.concat([Buffer.from('turnpike-key-id'), master]), 'hex').slice(0, 8);
  }

  /** The 32-byte key of that purpose. Call once per purpose and keep it. */
  derive(purpose: KeyPurpose): Buffer {
    return Buffer.from(hkdfSync('sha256', this.#master, 'turnpike/v1', purpose, 32));
  }

  toJSON(): string {
    return `[secret key ${this.id}]`;
  }
}
