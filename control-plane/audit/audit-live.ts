/** Live audit events: replays what was written after a position, then goes on with what comes, without a gap and without repeating. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Notifications } from '../database/notifications.ts';
import { withinOrganisation } from '../database/roles.ts';
import { WakeUps } from '../live/wake-ups.ts';
import type { AuditEventsService } from './audit-events.service.ts';
import type { AuditRow } from './audit-row.ts';
import { AUDIT_CHANNEL } from './audit-writer.ts';

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
    const wakeUps = new WakeUps(this.#notifications, { channel: AUDIT_CHANNEL, signal });
    while (await wakeUps.next()) {
      for (let isMore = true; isMore && !signal.aborted;) {
        const rows = await this.#events.after(em, organisationId, position, BATCH_MAX);
        for (const row of rows) {
          yield row;
          position = row.position;
        }
        isMore = rows.length === BATCH_MAX;
      }
    }
  }
}
