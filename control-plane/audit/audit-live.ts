/** Live audit events: replays what was written after a position, then goes on with what comes, without a gap and without repeating. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Notifications } from '../database/notifications.ts';
import { withinOrganisation } from '../database/roles.ts';
import type { AuditEventsService } from './audit-events.service.ts';
import type { AuditRow } from './audit-row.ts';
import { AUDIT_CHANNEL } from './audit-writer.ts';

/** Should a notification be lost, the wait is not longer than this. */
const POLL_MILLIS = 2000;
const BATCH_MAX = 200;

export class AuditLive {
  readonly #em: EntityManager;
  readonly #events: AuditEventsService;
  readonly #notifications: Notifications;

  constructor(em: EntityManager, events: AuditEventsService, notifications: Notifications) {
    this.#em = em;
    this.#events = events;
    this.#notifications = notifications;
  }

  /** `after` null begins now. The reader pulls, so nothing is ever buffered for a slow one. */
  async *follow(organisationId: string, after: string | null, signal: AbortSignal): AsyncGenerator<AuditRow> {
    const em = withinOrganisation(this.#em, organisationId);
    let position = after ?? (await this.#events.lastPosition(em, organisationId));
    while (!signal.aborted) {
      // Read before looking, so that a commit in between ends the wait that follows.
      const heard = this.#notifications.count(AUDIT_CHANNEL);
      const rows = await this.#events.after(em, organisationId, position, BATCH_MAX);
      for (const row of rows) {
        yield row;
        position = row.position;
      }
      if (rows.length < BATCH_MAX) await this.#notifications.nextAfter(AUDIT_CHANNEL, heard, POLL_MILLIS, signal);
    }
  }
}
