/** Puts every sealed value within a piece of JSON under the key in use. */
import { sealedSecretSchema, type SealedSecret, type SecretPlace, type SecretSealer } from '../../shared/sealed-secret.ts';

/** `placeOf` says where a value belongs that has no data key; without it there must be none. Values of the key in use stay as they are. */
export function rewrapWithin(value: unknown, sealer: SecretSealer, placeOf?: (path: readonly string[]) => SecretPlace, path: readonly string[] = []): unknown {
  const sealed = sealedSecretSchema.safeParse(value);
  if (sealed.success) return rewrapped(sealed.data, sealer, placeOf === undefined ? undefined : () => placeOf(path));
  if (Array.isArray(value)) return value.map((element, index) => rewrapWithin(element, sealer, placeOf, [...path, String(index)]));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, rewrapWithin(member, sealer, placeOf, [...path, name])]));
}

function rewrapped(sealed: SealedSecret, sealer: SecretSealer, placeOf: (() => SecretPlace) | undefined): SealedSecret {
  if (sealed.keyId === sealer.keyId && sealed.wrappedKey !== undefined) return sealed;
  if (sealed.wrappedKey !== undefined || placeOf === undefined) return sealer.rewrap(sealed);
  const place = placeOf();
  return sealer.seal(sealer.open(sealed, place), place);
}
