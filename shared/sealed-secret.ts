/** Seals secrets for rest and travel: each under a data key of its own, which the key of the installation wraps. */
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import type { SecretKey } from './secret-key.ts';

export const sealedSecretSchema = z.strictObject({
  /** The key that wraps the data key. */
  keyId: z.string(),
  /** The data key: 96-bit random nonce, ciphertext and 128-bit tag, base64. What was sealed before there were data keys has none. */
  wrappedKey: z.string().optional(),
  /** The secret, in the same form. */
  box: z.string(),
});
export type SealedSecret = z.infer<typeof sealedSecretSchema>;

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const DATA_KEY_BYTES = 32;
/** A data key says nothing of where its secret belongs, so it can be wrapped anew by whoever does not know; the box does. */
const WRAPPING = Buffer.from('turnpike-data-key-1');

/** What a sealed value belongs to. It is authenticated, so a value that is moved to another place does not open. */
export interface SecretPlace {
  readonly organisationId: string;
  readonly ownerId: string;
  readonly field: string;
}

/** What one key of the installation wraps with; key objects, because making one of the bytes each time costs more than using it. */
interface Wrapping {
  readonly dataKeys: KeyObject;
  /** Of values that were sealed before there were data keys. */
  readonly direct: KeyObject;
}

export class SecretSealer {
  readonly #keyId: string;
  readonly #wrappings: ReadonlyMap<string, Wrapping>;
  readonly #current: Wrapping;
  readonly #fingerprintKey: Buffer;

  /** Seals with the current key; opens with the old ones as well. */
  constructor(current: SecretKey, old: readonly SecretKey[] = []) {
    this.#keyId = current.id;
    this.#current = wrappingOf(current);
    this.#wrappings = new Map([...old.map((key) => [key.id, wrappingOf(key)] as const), [this.#keyId, this.#current]]);
    this.#fingerprintKey = current.derive('fingerprints');
  }

  /** The key that seals. */
  get keyId(): string {
    return this.#keyId;
  }

  seal(secret: string, place: SecretPlace): SealedSecret {
    const dataKey = randomBytes(DATA_KEY_BYTES);
    const box = encrypt(createSecretKey(dataKey), Buffer.from(secret, 'utf8'), authenticatedPlace(place));
    return { keyId: this.#keyId, wrappedKey: encrypt(this.#current.dataKeys, dataKey, WRAPPING), box };
  }

  /** Throws when the value was sealed by a key that is not there, for another place, or was changed. The message never holds the value. */
  open(sealed: SealedSecret, place: SecretPlace): string {
    const wrapping = this.#wrappings.get(sealed.keyId);
    if (wrapping === undefined)
      throw new Error(
        `secret ${place.field} of ${place.ownerId} was sealed by key ${sealed.keyId}, this process has ${[...this.#wrappings.keys()].join(', ')}`,
      );
    const key = sealed.wrappedKey === undefined ? wrapping.direct : createSecretKey(decrypt(wrapping.dataKeys, sealed.wrappedKey, WRAPPING));
    return decrypt(key, sealed.box, authenticatedPlace(place)).toString('utf8');
  }

  /** The same secret under the current key; its box stays as it is. Throws for a value without a data key, which must be sealed anew in its place. */
  rewrap(sealed: SealedSecret): SealedSecret {
    const wrapping = this.#wrappings.get(sealed.keyId);
    if (wrapping === undefined || sealed.wrappedKey === undefined) throw new Error(`a value of key ${sealed.keyId} cannot be wrapped anew`);
    const dataKey = decrypt(wrapping.dataKeys, sealed.wrappedKey, WRAPPING);
    return { ...sealed, keyId: this.#keyId, wrappedKey: encrypt(this.#current.dataKeys, dataKey, WRAPPING) };
  }

  /** Eight hex digits of a keyed hash: enough to see that a secret changed, nothing to guess it from. */
  fingerprint(secret: string): string {
    return createHmac('sha256', this.#fingerprintKey).update(secret).digest('hex').slice(0, 8);
  }
}

function wrappingOf(key: SecretKey): Wrapping {
  return { dataKeys: createSecretKey(key.derive('data-keys')), direct: createSecretKey(key.derive('sealed-secrets')) };
}

function encrypt(key: KeyObject, plain: Buffer, authenticated: Buffer): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(authenticated);
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString('base64');
}

function decrypt(key: KeyObject, text: string, authenticated: Buffer): Buffer {
  const bytes = Buffer.from(text, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES));
  decipher.setAAD(authenticated);
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
}

function authenticatedPlace(place: SecretPlace): Buffer {
  return Buffer.from(JSON.stringify([place.organisationId, place.ownerId, place.field]));
}
