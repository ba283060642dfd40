/** Writes the audit event of a change, in the transaction of the change. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { newId } from '../../shared/ids.ts';
import type { AdminCaller } from '../access/caller.ts';
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

/** In whose name the change is made, and by which request. */
export interface AuditedRequest {
  readonly requestId: string;
  readonly caller: Pick<AdminCaller, 'organisationId'> & { readonly actor: Pick<AdminCaller['actor'], 'kind' | 'id'> };
}

export function audit(em: EntityManager, { requestId, caller }: AuditedRequest, change: AuditedChange): void {
  em.create(AuditEventEntity, {
    id: newId('auditEvent'),
    organisationId: caller.organisationId,
    actorKind: caller.actor.kind,
    actorId: caller.actor.id,
    requestId,
    ...change,
  });
}
