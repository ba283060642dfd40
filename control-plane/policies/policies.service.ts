/** The rules of policies: one envelope for each owner, valid when it is saved, in force with the same transaction. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { newId } from '../../shared/ids.ts';
import { policyEnvelopeSchema, type PolicyEnvelope } from '../../shared/policy.ts';
import { requireOwner } from '../access/owners.ts';
import { audit } from '../audit/audit.ts';
import { appendConfigChanges } from '../config-feed/change-log.ts';
import { inTransaction } from '../database/in-transaction.ts';
import { FOR_CHANGE, requireVersion } from '../database/version-check.ts';
import { parseInput } from '../graphql/input-refused.ts';
import { requirePermission, type AdminContext } from '../request-context.ts';
import { upsertOfPolicy } from './policy.document.ts';
import { PolicyEntity, type OwnedScope, type Policy } from './policy.entity.ts';

export interface SetPolicyInput {
  readonly scope: OwnedScope;
  readonly ownerId: string | null;
  readonly policies: unknown;
  readonly expectedVersion: number | null;
  /** Answers what would be, and changes nothing. */
  readonly dryRun: boolean;
}

/** A policy for an owner that is known to exist. */
export interface OwnedPolicy {
  readonly scope: OwnedScope;
  readonly ownerId: string;
  readonly policies: unknown;
  readonly expectedVersion?: number | null;
}

export class PoliciesService {
  list(context: AdminContext, scopes: readonly OwnedScope[] | null): Promise<Policy[]> {
    return context.em.find(PolicyEntity, scopes === null ? {} : { scope: { $in: [...scopes] } }, { orderBy: { id: 'asc' } });
  }

  set(context: AdminContext, input: SetPolicyInput): Promise<Policy> {
    return inTransaction(context.em, input, async (em) => {
      const ownerId = await requireOwner(em, context, { type: input.scope, id: input.ownerId });
      const policy = await this.put(em, context, { scope: input.scope, ownerId, policies: input.policies, expectedVersion: input.expectedVersion });
      await appendConfigChanges(em, [upsertOfPolicy(policy)]);
      return policy;
    });
  }

  /** Writes the policy of an owner within the caller's transaction; the caller appends its configuration change. */
  async put(em: EntityManager, context: AdminContext, given: OwnedPolicy): Promise<Policy> {
    requirePermission(context, 'POLICY_MANAGE');
    const envelope = readEnvelope(given.policies, ['policy']);
    const existing = await em.findOne(PolicyEntity, { ownerId: given.ownerId }, FOR_CHANGE);
    const before = existing?.envelope ?? null;
    if (existing !== null) requireVersion(existing, given.expectedVersion ?? null, 'policy');
    const policy =
      existing ??
      em.create(PolicyEntity, { id: newId('policy'), organisationId: context.caller.organisationId, scope: given.scope, ownerId: given.ownerId, envelope });
    if (existing !== null) em.assign(existing, { envelope, version: existing.version + 1, updatedAt: new Date() });
    audit(em, context, { action: 'setPolicy', targetId: policy.id, targetLabel: `${given.scope} ${given.ownerId}`, before, after: envelope });
    return policy;
  }
}

/** People write `{policies: {…}}` as the documentation shows it, or what stands inside. */
export function readEnvelope(policies: unknown, at: readonly string[]): PolicyEnvelope {
  return parseInput(policyEnvelopeSchema, isEnveloped(policies) ? policies : { policies }, at);
}

function isEnveloped(policies: unknown): boolean {
  return typeof policies === 'object' && policies !== null && 'policies' in policies;
}
