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

/** Who made a change, and as part of what. */
export interface AuditActor {
  readonly organisationId: string;
  readonly actorKind: string;
  readonly actorId: string;
  readonly requestId: string;
}

export function audit(em: EntityManager, context: AdminContext, change: AuditedChange): void {
  auditAs(em, actorOf(context), change);
}

/** For changes that no request asked for by itself. */
export function auditAs(em: EntityManager, actor: AuditActor, change: AuditedChange): void {
  em.create(AuditEventEntity, { id: newId('auditEvent'), ...actor, ...change });
}

export function actorOf({ caller, requestId }: AdminContext): AuditActor {
  return { organisationId: caller.organisationId, actorKind: 'ADMIN_TOKEN', actorId: caller.tokenId, requestId };
}
