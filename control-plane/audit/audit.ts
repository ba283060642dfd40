/** Writes the audit event of a change, in the transaction of the change. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { newId } from '../../shared/ids.ts';
import type { AdminContext } from '../request-context.ts';
import { AuditEventEntity } from './audit-event.entity.ts';

export interface AuditedChange {
  /** The mutation's name. */
  readonly action: string;
  readonly targetId: string;
  readonly targetLabel: string;
  /** What may be shown of the target: never a secret, at most its fingerprint. Null before it was made. */
  readonly before: unknown;
  readonly after: unknown;
}

export function audit(em: EntityManager, context: AdminContext, change: AuditedChange): void {
  em.create(AuditEventEntity, {
    id: newId('auditEvent'),
    organisationId: context.caller.organisationId,
    actorKind: 'ADMIN_TOKEN',
    actorId: context.caller.tokenId,
    requestId: context.requestId,
    ...change,
  });
}
