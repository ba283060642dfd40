/** An alert as it is stored: raised once, and resolved when what it tells of is over. */
import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import { tenantFilter } from '../database/tenant-filter.ts';
import type { AlertKind, AlertSeverity } from './alert-condition.ts';

export const AlertEntity = defineEntity({
  name: 'Alert',
  tableName: 'alerts',
  filters: tenantFilter,
  properties: {
    id: p.string().primary(),
    organisationId: p.string(),
    kind: p.string().$type<AlertKind>(),
    severity: p.string().$type<AlertSeverity>(),
    title: p.text(),
    targetId: p.string(),
    detail: p.json<Record<string, unknown>>(),
    raisedAt: p.datetime(),
    resolvedAt: p.datetime().nullable(),
  },
});
export type Alert = InferEntity<typeof AlertEntity>;
