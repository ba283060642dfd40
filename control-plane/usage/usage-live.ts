/** Live usage: replays what was recorded after a cursor, then goes on with what comes, without a gap and without repeating. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Notifications } from '../database/notifications.ts';
import { withinOrganisation } from '../database/roles.ts';
import { cursorOf } from '../graphql/connection.ts';
import { WakeUps } from '../live/wake-ups.ts';
import type { UsageFilter } from './usage-filter.ts';
import type { UsageRecordsService } from './usage-records.service.ts';
import type { UsageRow } from './usage-row.ts';

export const USAGE_CHANNEL = 'turnpike_usage';

export interface UsageRecordEvent {
  /** Give it as `after` to go on behind this record. */
  readonly cursor: string;
  readonly record: UsageRow;
  /** How many were left out before it. */
  readonly dropped: number;
}

const BATCH_MAX = 200;
/** A live reader that is further behind goes on with the newest ones; one that still replays gets everything. */
const BEHIND_MAX = 1000;

export class UsageLive {
  readonly #em: EntityManager;
  readonly #records: UsageRecordsService;
  readonly #notifications: Notifications;

  constructor(em: EntityManager, records: UsageRecordsService, notifications: Notifications) {
    this.#em = em;
    this.#records = records;
    this.#notifications = notifications;
  }

  /** `after` null begins now. What is read from the store is pulled by the reader, so nothing is ever buffered for a slow one. */
  async *follow(organisationId: string, filter: UsageFilter, after: string | null, signal: AbortSignal): AsyncGenerator<UsageRecordEvent> {
    const em = withinOrganisation(this.#em, organisationId);
    let sequence = after ?? (await this.#records.lastSequence(em, organisationId));
    let isLive = after === null;
    let dropped = 0;
    const wakeUps = new WakeUps(this.#notifications, { channel: USAGE_CHANNEL, signal });
    while (await wakeUps.next()) {
      for (let isMore = true; isMore && !signal.aborted;) {
        const rows = await this.#records.after(em, organisationId, filter, sequence, BATCH_MAX);
        isMore = rows.length === BATCH_MAX;
        const left = isLive && isMore ? await this.#records.allBut(em, organisationId, filter, { sequence, newest: BEHIND_MAX }) : undefined;
        if (left !== undefined) {
          sequence = left.last;
          dropped += left.count;
          continue;
        }
        for (const record of rows) {
          yield { cursor: cursorOf(record.sequence), record, dropped };
          sequence = record.sequence;
          dropped = 0;
        }
      }
      isLive = true;
    }
  }
}
