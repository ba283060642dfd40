/** Turns a row of the audit trail into the public event. */
import type { AuditRow } from './audit-row.ts';
import type { AuditEventType } from './audit.types.ts';

export function toAuditEvent({ organisationId: _organisationId, occurredAt, ...event }: AuditRow): AuditEventType {
  return { ...event, occurredAt: new Date(occurredAt) };
}
