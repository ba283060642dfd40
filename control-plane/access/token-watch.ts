/** Watches over the token of an open socket: what it allowed at the start it must allow for as long as the socket is open. */
import type { Logger } from 'pino';
import type { Notifications } from '../database/notifications.ts';
import { WakeUps } from '../live/wake-ups.ts';
import type { Caller } from './caller.ts';

/** A close code of WebSocket and the reason that goes with it. */
export interface SocketEnd {
  readonly code: 4403 | 4410;
  readonly reason: string;
}

/** What is notified when a token, a session, a membership or a role changes, by triggers of the database. */
export const ACCESS_CHANNEL = 'turnpike_access';
/** Who signs in and out all the time is no reason to ask for every socket more often than this. */
const PACE_MILLIS = 100;
/** Timers hold no more than this, 24 days. */
const TIMER_MILLIS_MAX = 2_147_483_647;

export interface WatchTerms {
  readonly authenticate: () => Promise<Caller>;
  readonly end: (how: SocketEnd) => void;
  readonly notifications: Pick<Notifications, 'count' | 'nextAfter'>;
  readonly log: Logger;
}

/** Calls `end` once, when the token expires or loses what it had. Answers the function that ends the watch. */
export function watchToken(first: Caller, terms: WatchTerms): () => void {
  const ending = new AbortController();
  const leftMillis = first.kind === 'admin' && first.expiresAtMillis !== null ? first.expiresAtMillis - Date.now() : Infinity;
  // A later expiry is seen by the checks.
  const expiry = leftMillis > TIMER_MILLIS_MAX ? undefined : setTimeout(() => finish(EXPIRED), Math.max(0, leftMillis));
  const stop = () => {
    ending.abort();
    clearTimeout(expiry);
  };
  const finish = (how: SocketEnd) => {
    if (ending.signal.aborted) return;
    stop();
    terms.end(how);
  };
  void recheck(first, terms, { finish, signal: ending.signal });
  return stop;
}

/** At once, whenever somebody's access changed, and now and then, should that not have been heard. Never rejects. */
async function recheck(
  first: Caller,
  { authenticate, notifications, log }: WatchTerms,
  { finish, signal }: { finish: (how: SocketEnd) => void; signal: AbortSignal },
): Promise<void> {
  const wakeUps = new WakeUps(notifications, { channel: ACCESS_CHANNEL, signal, paceMillis: PACE_MILLIS });
  while (await wakeUps.next()) {
    try {
      const how = endOf(first, await authenticate());
      if (how !== undefined) finish(how);
    } catch (error) {
      // While the database is away nobody can be asked; the next check will tell.
      log.debug({ err: error }, 'a token could not be checked again');
    }
  }
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
