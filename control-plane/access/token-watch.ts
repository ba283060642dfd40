/** Watches over the token of an open socket: what it allowed at the start it must allow for as long as the socket is open. */
import type { Logger } from 'pino';
import type { Caller } from './caller.ts';

/** A close code of WebSocket and the reason that goes with it. */
export interface SocketEnd {
  readonly code: 4403 | 4410;
  readonly reason: string;
}

/** How soon a revoked token, or one with fewer permissions, ends its sockets. */
const RECHECK_MILLIS = 2000;
/** Timers hold no more than this, 24 days; a later expiry is seen by the checks. */
const TIMER_MILLIS_MAX = 2_147_483_647;

/** Calls `end` once, when the token expires or loses what it had. Answers the function that ends the watch. */
export function watchToken(
  first: Caller,
  { authenticate, end, log }: { authenticate: () => Promise<Caller>; end: (how: SocketEnd) => void; log: Logger },
): () => void {
  const check = setInterval(() => {
    authenticate().then(
      (now) => {
        const how = endOf(first, now);
        if (how !== undefined) finish(how);
      },
      // While the database is away nobody can be asked; the next check will tell.
      (error: unknown) => log.debug({ err: error }, 'a token could not be checked again'),
    );
  }, RECHECK_MILLIS);
  const expiresAtMillis = first.kind === 'admin' ? first.expiresAtMillis : null;
  const expiry =
    expiresAtMillis === null ? undefined : setTimeout(() => finish(EXPIRED), Math.min(Math.max(0, expiresAtMillis - Date.now()), TIMER_MILLIS_MAX));
  const stop = () => {
    clearInterval(check);
    clearTimeout(expiry);
  };
  const finish = (how: SocketEnd) => {
    stop();
    end(how);
  };
  return stop;
}

const EXPIRED: SocketEnd = { code: 4410, reason: 'Token expired' };

function endOf(first: Caller, now: Caller): SocketEnd | undefined {
  if (now.kind === 'anonymous') return now.hasExpired === true ? EXPIRED : { code: 4403, reason: 'Token revoked' };
  if (first.kind === 'admin' && (now.kind !== 'admin' || !first.permissions.isSubsetOf(now.permissions)))
    return { code: 4403, reason: 'Permissions withdrawn' };
  if (first.kind === 'dataPlane' && now.kind === 'dataPlane' && !samePlaces(first.organisationIds, now.organisationIds))
    return { code: 4403, reason: 'Organisations changed' };
  return undefined;
}

function samePlaces(before: readonly string[] | null, after: readonly string[] | null): boolean {
  if (before === null || after === null) return before === after;
  return new Set(before).symmetricDifference(new Set(after)).size === 0;
}
