/** Puts every sealed value within a piece of JSON under the key in use. */
import { sealedSecretSchema, type SealedSecret, type SecretPlace, type SecretSealer } from '../../shared/sealed-secret.ts';

export interface Rewrapping {
  readonly sealer: SecretSealer;
  /** Says where a value belongs that has no data key; undefined where there must be none. */
  readonly placeOf: ((path: readonly string[]) => SecretPlace) | undefined;
  /** Called for each value that was put under the key in use, with the id of the key that it was under. */
  readonly onRewrapped: (keyId: string) => void;
}

/** Values of the key in use stay as they are. */
export function rewrapWithin(value: unknown, how: Rewrapping, path: readonly string[] = []): unknown {
  const sealed = sealedSecretSchema.safeParse(value);
  if (sealed.success) return rewrapped(sealed.data, how, path);
  if (Array.isArray(value)) return value.map((element, index) => rewrapWithin(element, how, [...path, String(index)]));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, rewrapWithin(member, how, [...path, name])]));
}

function rewrapped(sealed: SealedSecret, { sealer, placeOf, onRewrapped }: Rewrapping, path: readonly string[]): SealedSecret {
  if (sealed.keyId === sealer.keyId && sealed.wrappedKey !== undefined) return sealed;
  onRewrapped(sealed.keyId);
  if (sealed.wrappedKey !== undefined || placeOf === undefined) return sealer.rewrap(sealed);
  const place = placeOf(path);
  return sealer.seal(sealer.open(sealed, place), place);
}
