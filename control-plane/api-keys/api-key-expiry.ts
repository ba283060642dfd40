/** When keys end: a date lies ahead, and a key that has ended comes back with a new secret only. */
import { refuseInput } from '../graphql/input-refused.ts';
import type { ApiKey } from './api-key.entity.ts';

const GRACE_SECONDS_MAX = 30 * 86_400;

export function requireAhead(expiresAt: Date | null, now: Date): Date | null {
  if (expiresAt !== null && expiresAt <= now) throw refuseInput(['expiresAt'], 'OUT_OF_RANGE', 'the expiry lies in the past');
  return expiresAt;
}

export function hasExpired({ expiresAt }: Pick<ApiKey, 'expiresAt'>, now: Date): boolean {
  return expiresAt != null && expiresAt <= now;
}

/** Whoever had the old secret had it until then: longer needs a new one. */
export function extended(apiKey: ApiKey, expiresAt: Date | null, now: Date): Date | null {
  if (hasExpired(apiKey, now))
    throw refuseInput(['expiresAt'], 'CONFLICT', 'an expired key can be extended only by rotation', 'rotateApiKey with `expiresAt` gives it a new secret');
  return requireAhead(expiresAt, now);
}

/** What becomes of expiry and grace with a new secret. An undefined expiry stays. The old secret never outlives the expiry that it had. */
export function rotatedExpiry(
  apiKey: ApiKey,
  { graceSeconds, expiresAt }: { readonly graceSeconds: number; readonly expiresAt: Date | null | undefined },
  now: Date,
): Pick<ApiKey, 'expiresAt' | 'graceUntil'> {
  if (graceSeconds < 0 || graceSeconds > GRACE_SECONDS_MAX)
    throw refuseInput(['graceSeconds'], 'OUT_OF_RANGE', `the grace must be between 0 and ${GRACE_SECONDS_MAX} seconds`);
  const present = apiKey.expiresAt ?? null;
  if (hasExpired(apiKey, now) && expiresAt === undefined)
    throw refuseInput(['expiresAt'], 'REQUIRED', 'the key has expired: a new secret needs a new expiry', 'give null for none');
  const graceUntil = now.getTime() + graceSeconds * 1000;
  return {
    expiresAt: expiresAt === undefined ? present : requireAhead(expiresAt, now),
    graceUntil: new Date(present === null ? graceUntil : Math.min(graceUntil, present.getTime())),
  };
}
