/** Notes the audit event of a change; it is written when the transaction of the change commits, or not at all. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { newId } from '../../shared/ids.ts';
import type { AdminCaller } from '../access/caller.ts';
import { noteClaimedChange, type Claim } from '../idempotency/claim.ts';
import { noteAuditEvent } from './audit-writer.ts';

export interface AuditedChange {
  /** The mutation's name, or that of whatever else changes something. */
  readonly action: string;
  readonly targetId: string;
  readonly targetLabel: string;
  /** What may be shown of the target: never a secret, at most its fingerprint. Null before it was made. */
  readonly before: unknown;
  readonly after: unknown;
}

export interface AuditedActor {
  readonly kind: AdminCaller['actor']['kind'] | 'SCHEDULE' | 'OPERATOR';
  readonly id: string;
}

/** In whose name the change is made, and by which request. A schedule acts for what it looks after, and the operator by a command. */
export interface AuditedRequest {
  readonly requestId: string;
  /** Of a request that may be sent again. */
  readonly claim: Claim | undefined;
  readonly caller: Pick<AdminCaller, 'organisationId'> & { readonly actor: AuditedActor };
}

/** The entity manager must be in the transaction of the change. */
export function audit(em: EntityManager, { requestId, claim, caller }: AuditedRequest, change: AuditedChange): void {
  if (claim !== undefined) noteClaimedChange(em, claim);
  noteAuditEvent(em, {
    id: newId('auditEvent'),
    organisationId: caller.organisationId,
    actorKind: caller.actor.kind,
    actorId: caller.actor.id,
    requestId,
    action: change.action,
    targetId: change.targetId,
    targetLabel: change.targetLabel.toWellFormed(),
    before: asStored(change.before),
    after: asStored(change.after),
  });
}

/** As JSON holds it, and as it is now: what is hashed must be what is read back. */
function asStored(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
