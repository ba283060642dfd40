/** One moment of an organisation's ledger while calls go on: what counters held then, and exactly which records belong to it. */
import { setTimeout as wait } from 'node:timers/promises';
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import type { ScheduleWindow } from '../../shared/schedule-window.ts';
import { windowKeysOf } from '../../shared/window-counts.ts';
import { lockUsage } from '../usage-intake/usage-lock.ts';
import type { LedgerLook, LedgerSource } from './ledger-look.ts';
import { openWindowsOf } from './limit-windows.ts';
import { toLimitDocument } from './limit.document.ts';
import { LimitEntity, type Limit } from './limit.entity.ts';
import { recordedAmong, type RecordsOfMoment } from './window-sums.ts';

export interface LedgerMomentParts {
  readonly em: EntityManager;
  readonly ledger: LedgerSource;
  /** How long records are kept at least; undefined for ever. */
  readonly retentionDays: number | undefined;
}

/** A window of a limit in force, by the name under which it is counted. */
export interface OpenWindow {
  readonly limit: Limit;
  readonly window: ScheduleWindow;
  readonly key: string;
}

export interface LedgerMoment {
  readonly millis: number;
  readonly windows: readonly OpenWindow[];
  readonly look: LedgerLook;
  readonly records: RecordsOfMoment;
}

const DAY_MILLIS = 86_400_000;
const STORED_POLL_MILLIS = 50;
const STORED_POLLS_MAX = 40;
const sequenceSchema = z.tuple([z.object({ sequence: z.string() })]);

/** Undefined when there is nothing to compare: while windows are closed, and while records are too far behind. */
export async function momentOf(parts: LedgerMomentParts, organisationId: string): Promise<LedgerMoment | undefined> {
  const moment = await parts.em.fork().transactional((em) => lookAt(em, parts, organisationId));
  return moment !== undefined && (await areStored(parts.em, moment.look.waiting)) ? moment : undefined;
}

/** No record is stored meanwhile. So each that was counted is among those up to the sequence, or its event waits in the stream. */
async function lookAt(em: EntityManager, { ledger, retentionDays = Infinity }: LedgerMomentParts, organisationId: string): Promise<LedgerMoment | undefined> {
  await lockUsage(em);
  const millis = Date.now();
  const limits = await em.find(LimitEntity, { organisationId, active: true }, { filters: false });
  // Of windows that began earlier, records may be gone.
  const keptSinceMillis = millis - retentionDays * DAY_MILLIS;
  const windows = limits.flatMap(windowsAt(millis)).filter(({ window }) => window.startMillis >= keptSinceMillis);
  const rows = await em.execute('select coalesce(max(sequence), 0)::text as sequence from usage_records where organisation_id = ?', [organisationId]);
  const [{ sequence }] = sequenceSchema.parse(rows);
  const look = await ledger.look(
    organisationId,
    windows.map(({ key }) => key),
  );
  return look && { millis, windows, look, records: { sequence, requestIds: look.waiting } };
}

function windowsAt(millis: number): (limit: Limit) => OpenWindow[] {
  return (limit) => {
    const document = toLimitDocument(limit);
    return openWindowsOf(document, millis).map((window) => ({ limit, window, key: windowKeysOf(document, window).key }));
  };
}

/** An event that is set aside leaves the stream without a record; the next look does not meet it any more. */
async function areStored(em: EntityManager, requestIds: readonly string[]): Promise<boolean> {
  const told = new Set(requestIds).size;
  for (let poll = 0; poll < STORED_POLLS_MAX; poll++) {
    if ((await recordedAmong(em, requestIds)).length === told) return true;
    await wait(STORED_POLL_MILLIS);
  }
  return false;
}
