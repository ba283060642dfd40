/** An export as it is stored: what it holds, not the lines themselves, which are read when it is downloaded. */
import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import type { Actor } from '../access/standing.ts';
import { tenantFilter } from '../database/tenant-filter.ts';
import type { ExportFormat } from '../export/export-form.ts';
import type { ExportKind } from './export-sources.ts';

/** PENDING: its lines are being counted. READY: it can be downloaded. FAILED and EXPIRED are final. */
export const EXPORT_STATES = ['PENDING', 'READY', 'FAILED', 'EXPIRED'] as const;
export type ExportState = (typeof EXPORT_STATES)[number];

export const ExportEntity = defineEntity({
  name: 'Export',
  tableName: 'exports',
  filters: tenantFilter,
  properties: {
    id: p.string().primary(),
    organisationId: p.string(),
    kind: p.string().$type<ExportKind>(),
    format: p.string().$type<ExportFormat>(),
    filter: p.json<unknown>(),
    state: p.string().$type<ExportState>().default('PENDING'),
    /** Why it failed. */
    error: p.text().nullable(),
    rows: p.bigint('string').nullable(),
    /** The last record or event that there was: nothing that comes later is in the export, however late it is downloaded. */
    upto: p.bigint('string'),
    actorKind: p.string().$type<Actor['kind']>(),
    actorId: p.string(),
    claimedUntil: p.datetime().nullable(),
    createdAt: p.datetime().defaultRaw('now()'),
    expiresAt: p.datetime(),
  },
});
export type Export = InferEntity<typeof ExportEntity>;

/** An export whose time is over has ended, whether or not somebody has noted that. */
export function stateOf({ state, expiresAt }: Export, nowMillis: number): ExportState {
  const isOpen = state === 'PENDING' || state === 'READY';
  return isOpen && expiresAt.getTime() <= nowMillis ? 'EXPIRED' : state;
}
