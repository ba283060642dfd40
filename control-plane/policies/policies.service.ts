/** The rules of policies: one for each owner, valid when it is saved, in force with the same transaction. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { ConfigUpsert } from '../../shared/config-document.ts';
import { newId } from '../../shared/ids.ts';
import { GLOBAL_OWNER, type PolicyEnvelope, type PolicyScope } from '../../shared/policy.ts';
import { audit } from '../audit/audit.ts';
import { appendConfigChanges } from '../config-feed/change-log.ts';
import { inTransaction } from '../database/in-transaction.ts';
import { ACROSS_TENANTS } from '../database/tenant-filter.ts';
import { FOR_CHANGE, requireVersion } from '../database/version-check.ts';
import { fieldChangesOf, type FieldChange } from '../graphql/field-changes.ts';
import { requirePermission, type AdminContext } from '../request-context.ts';
import { removalOfPolicy, upsertOfPolicy } from './policy.document.ts';
import { requireCommonAddresses } from './common-addresses.ts';
import { PolicyEntity, type OwnedScope, type Policy } from './policy.entity.ts';
import { isEmpty, readEnvelope, requireSomeCalls } from './policy-inputs.ts';
import { requirePolicyOwner, type PolicyOwner } from './policy-owner.ts';

export interface SetPolicyInput {
  readonly scope: PolicyScope;
  readonly ownerId: string | null;
  readonly policies: unknown;
  readonly mode: Policy['mode'];
  readonly trial: unknown;
  /** Whether rules may stand that refuse every call. */
  readonly mayDenyAll: boolean;
  readonly expectedVersion: number | null;
  /** Answers what would be, and changes nothing. */
  readonly dryRun: boolean;
}

/** A policy for an owner that was made just now. */
export interface OwnedPolicy {
  readonly scope: OwnedScope;
  readonly ownerId: string;
  readonly policies: unknown;
}

export interface PolicyChange {
  /** Null when it was taken away. */
  readonly policy: Policy | null;
  readonly changes: readonly FieldChange[];
}

/** What the author of a policy decides. */
interface PolicyContent {
  readonly envelope: PolicyEnvelope;
  readonly mode: Policy['mode'];
  readonly trial: PolicyEnvelope | null;
}

export class PoliciesService {
  /** The operator's policy is everybody's to see. */
  list(context: AdminContext, scopes: readonly PolicyScope[] | null): Promise<Policy[]> {
    const scope = scopes === null ? {} : { scope: { $in: [...scopes] } };
    return context.em.find(PolicyEntity, { ...scope, ...ownAndGlobal(context) }, { ...ACROSS_TENANTS, orderBy: { id: 'asc' } });
  }

  /** Those of some owners, the operator's as well where `GLOBAL_OWNER` is among them; in their order. */
  async ofOwners(context: AdminContext, owners: readonly string[]): Promise<Policy[]> {
    const found = await context.em.find(PolicyEntity, { ownerId: { $in: [...owners] }, ...ownAndGlobal(context) }, ACROSS_TENANTS);
    return owners.flatMap((owner) => found.find(({ ownerId }) => ownerId === owner) ?? []);
  }

  set(context: AdminContext, input: SetPolicyInput): Promise<PolicyChange> {
    return inTransaction(context.em, input, async (em) => {
      const { mode, mayDenyAll, expectedVersion } = input;
      const owner = await requirePolicyOwner(em, context, input);
      const envelope = readEnvelope(input.policies, ['policy']);
      const trial = input.trial === null ? null : readEnvelope(input.trial, ['trial']);
      const existing = await em.findOne(PolicyEntity, { ownerId: owner.ownerId }, FOR_CHANGE);
      requireVersion(existing, expectedVersion, 'policy');
      if (isEmpty(envelope) && trial === null) return this.#remove(em, context, existing);
      if (mode === 'ENFORCE' && !mayDenyAll) {
        requireSomeCalls(envelope);
        await requireCommonAddresses(em, { organisationId: context.caller.organisationId, owner, envelope, existing });
      }
      const change = this.#write(em, context, owner, existing, { envelope, mode, trial });
      await appendConfigChanges(em, [upsertOfPolicy(change.policy)]);
      return change;
    });
  }

  /** Writes the policy of a new owner within the caller's transaction; the caller appends its configuration change. */
  async put(em: EntityManager, context: AdminContext, { scope, ownerId, policies }: OwnedPolicy): Promise<ConfigUpsert> {
    requirePermission(context, 'POLICY_MANAGE');
    const envelope = readEnvelope(policies, ['policy']);
    requireSomeCalls(envelope);
    await requireCommonAddresses(em, { organisationId: context.caller.organisationId, owner: { scope, ownerId }, envelope, existing: null });
    return upsertOfPolicy(this.#write(em, context, { scope, ownerId }, null, { envelope, mode: 'ENFORCE', trial: null }).policy);
  }

  #write(
    em: EntityManager,
    context: AdminContext,
    { scope, ownerId }: PolicyOwner,
    existing: Policy | null,
    content: PolicyContent,
  ): PolicyChange & { policy: Policy } {
    const before = existing === null ? null : contentOf(existing);
    const policy = existing ?? em.create(PolicyEntity, { id: newId('policy'), organisationId: context.caller.organisationId, scope, ownerId, ...content });
    if (existing !== null) em.assign(existing, { ...content, version: existing.version + 1, updatedAt: new Date() });
    audit(em, context, { action: 'setPolicy', targetId: policy.id, targetLabel: `${scope} ${ownerId}`, before, after: content });
    return { policy, changes: fieldChangesOf(shown(before), shown(content)) };
  }

  async #remove(em: EntityManager, context: AdminContext, existing: Policy | null): Promise<PolicyChange> {
    if (existing === null) return { policy: null, changes: [] };
    const before = contentOf(existing);
    audit(em, context, { action: 'setPolicy', targetId: existing.id, targetLabel: `${existing.scope} ${existing.ownerId}`, before, after: null });
    em.remove(existing);
    await appendConfigChanges(em, [removalOfPolicy(existing.id)]);
    return { policy: null, changes: fieldChangesOf(shown(before), null) };
  }
}

/** Beside the tenant filter, which knows nothing of what belongs to nobody. */
function ownAndGlobal({ caller }: AdminContext) {
  return { $or: [{ organisationId: caller.organisationId }, { organisationId: null, ownerId: GLOBAL_OWNER }] };
}

function contentOf({ envelope, mode, trial }: Policy): PolicyContent {
  return { envelope, mode, trial: trial ?? null };
}

/** Paths as they stand in denials: `policies.ip.allowlist`, `trial.ip.allowlist`. */
function shown(content: PolicyContent | null): object | null {
  return content === null ? null : { policies: content.envelope.policies, mode: content.mode, trial: content.trial?.policies ?? null };
}
