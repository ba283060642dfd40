/** Seals upstream secrets with AES-256-GCM for rest and travel; they are opened in memory alone, where a server is called or probed. */
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import type { SecretKey } from './secret-key.ts';

export const sealedSecretSchema = z.strictObject({
  keyId: z.string(),
  /** 96-bit random nonce, ciphertext and 128-bit tag, base64. */
  box: z.string(),
});
export type SealedSecret = z.infer<typeof sealedSecretSchema>;

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What a sealed value belongs to. It is authenticated, so a value that is moved to another place does not open. */
export interface SecretPlace {
  readonly organisationId: string;
  readonly ownerId: string;
  readonly field: string;
}

export class SecretSealer {
  readonly #keyId: string;
  /** A key object: making one of the bytes for each secret costs more than opening it. */
  readonly #key: KeyObject;
  readonly #fingerprintKey: Buffer;

  constructor(secretKey: SecretKey) {
    this.#keyId = secretKey.id;
    this.#key = createSecretKey(secretKey.derive('sealed-secrets'));
    this.#fingerprintKey = secretKey.derive('fingerprints');
  }

  seal(secret: string, place: SecretPlace): SealedSecret {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce);
    cipher.setAAD(authenticatedPlace(place));
    const box = Buffer.concat([nonce, cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return { keyId: this.#keyId, box: box.toString('base64') };
  }

  /** Throws when the value was sealed by another key, for another place, or was changed. The message never holds the value. */
  open(sealed: SealedSecret, place: SecretPlace): string {
    if (sealed.keyId !== this.#keyId)
      throw new Error(`secret ${place.field} of ${place.ownerId} was sealed by key ${sealed.keyId}, this process has ${this.#keyId}`);
    const box = Buffer.from(sealed.box, 'base64');
    const decipher = createDecipheriv('aes-256-gcm', this.#key, box.subarray(0, NONCE_BYTES));
    decipher.setAAD(authenticatedPlace(place));
    decipher.setAuthTag(box.subarray(-TAG_BYTES));
    return decipher.update(box.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
  }

  /** Eight hex digits of a keyed hash: enough to see that a secret changed, nothing to guess it from. */
  fingerprint(secret: string): string {
    return createHmac('sha256', this.#fingerprintKey).update(secret).digest('hex').slice(0, 8);
  }
}

function authenticatedPlace(place: SecretPlace): Buffer {
  return Buffer.from(JSON.stringify([place.organisationId, place.ownerId, place.field]));
}
