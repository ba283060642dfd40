/** How long tokens are relied on, and when the next one is asked for. */

/** A server that names no time means one that it finds ordinary (RFC 6749, section 5.1). */
const LIFE_SECONDS_DEFAULT = 3600;
/** Longer than that nothing is relied on without asking again. */
const LIFE_SECONDS_MAX = 24 * 3600;
const LIFE_SECONDS_MIN = 1;
/** Of the life of a token, when the next one is asked for; replicas and servers do not all ask in the same moment. */
const REFRESH_SHARE_MIN = 0.7;
const REFRESH_SHARE_MAX = 0.8;
const BACKOFF_MILLIS_MIN = 1000;
const BACKOFF_MILLIS_MAX = 300_000;

export interface TokenLife {
  readonly expiresAt: Date;
  readonly refreshDueAt: Date;
}

/** `askedAtMillis` is when the request was sent: the answer may have been long on its way. `chance` is from 0 to 1. */
export function lifeOf(expiresInSeconds: number | undefined, askedAtMillis: number, chance: number): TokenLife {
  const given = expiresInSeconds === undefined || !Number.isFinite(expiresInSeconds) ? LIFE_SECONDS_DEFAULT : expiresInSeconds;
  const lifeMillis = Math.min(LIFE_SECONDS_MAX, Math.max(LIFE_SECONDS_MIN, given)) * 1000;
  const share = REFRESH_SHARE_MIN + (REFRESH_SHARE_MAX - REFRESH_SHARE_MIN) * chance;
  return { expiresAt: new Date(askedAtMillis + lifeMillis), refreshDueAt: new Date(askedAtMillis + lifeMillis * share) };
}

/** How long nobody asks after so many failures in a row: doubles up to five minutes, and half of it is chance. */
export function backoffMillis(failures: number, chance: number): number {
  const whole = Math.min(BACKOFF_MILLIS_MAX, BACKOFF_MILLIS_MIN * 2 ** Math.min(failures, 30));
  return whole * (0.5 + chance / 2);
}
