/** The audit event as it is stored: who changed what, from what to what. */
import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import { tenantFilter } from '../database/tenant-filter.ts';

export const AuditEventEntity = defineEntity({
  name: 'AuditEvent',
  tableName: 'audit_events',
  filters: tenantFilter,
  properties: {
    id: p.string().primary(),
    organisationId: p.string(),
    occurredAt: p.datetime().defaultRaw('now()'),
    actorKind: p.string(),
    actorId: p.string(),
    action: p.string(),
    targetId: p.string(),
    targetLabel: p.string(),
    before: p.json<unknown>().nullable(),
    after: p.json<unknown>().nullable(),
    requestId: p.string(),
  },
});
export type AuditEvent = InferEntity<typeof AuditEventEntity>;
