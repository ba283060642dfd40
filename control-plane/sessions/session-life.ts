/** How long a session lives: twelve hours after it was last used, and a week after it began, whichever comes first. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Session } from './session.entity.ts';

const SESSION_IDLE_MILLIS = 12 * 3_600_000;
export const SESSION_MILLIS = 7 * 24 * 3_600_000;
/** Use is noted no more often than this, so that a busy page does not write with every request. */
const NOTE_INTERVAL = '1 minute';

export function endOfSession({ expiresAt, lastSeenAt }: Pick<Session, 'expiresAt' | 'lastSeenAt'>): number {
  return Math.min(expiresAt.getTime(), lastSeenAt.getTime() + SESSION_IDLE_MILLIS);
}

export async function noteUse(em: EntityManager, sessionId: string): Promise<void> {
  await em.execute(`update sessions set last_seen_at = now() where id = ? and last_seen_at < now() - interval '${NOTE_INTERVAL}'`, [sessionId]);
}
