/** The audit event as it is stored: who changed what, from what to what, and its place in the chain of its organisation. */
import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import { tenantFilter } from '../database/tenant-filter.ts';

export const AuditEventEntity = defineEntity({
  name: 'AuditEvent',
  tableName: 'audit_events',
  filters: tenantFilter,
  properties: {
    id: p.string().primary(),
    organisationId: p.string(),
    position: p.bigint('string'),
    occurredAt: p.datetime(),
    actorKind: p.string(),
    actorId: p.string(),
    action: p.string(),
    targetId: p.string(),
    targetLabel: p.string(),
    before: p.json<unknown>().nullable(),
    after: p.json<unknown>().nullable(),
    requestId: p.string(),
    previousHash: p.string().nullable(),
    hash: p.string(),
  },
});
export type AuditEvent = InferEntity<typeof AuditEventEntity>;
