/** An audit event as SQL answers it: as it was hashed, with its hashes. */
import { z } from 'zod';

export const auditRowSchema = z.object({
  organisationId: z.string(),
  position: z.string(),
  id: z.string(),
  occurredAt: z.string(),
  actorKind: z.string(),
  actorId: z.string(),
  action: z.string(),
  targetId: z.string(),
  targetLabel: z.string(),
  before: z.unknown(),
  after: z.unknown(),
  requestId: z.string(),
  previousHash: z.string().nullable(),
  hash: z.string(),
});
export type AuditRow = z.infer<typeof auditRowSchema>;

/** The time in full: the driver's moments end at the millisecond, and what they leave out could be changed unseen. */
export const AUDIT_COLUMNS = `
  organisation_id as "organisationId", position::text as position, id,
  to_char(occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "occurredAt", actor_kind as "actorKind", actor_id as "actorId", action,
  target_id as "targetId", target_label as "targetLabel", before, after, request_id as "requestId", previous_hash as "previousHash", hash`;
