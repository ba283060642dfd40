/** Turns a stored policy into what the data planes obey. */
import type { ConfigRemoval, ConfigUpsert, PolicyConfig } from '../../shared/config-document.ts';
import { ownerOf, type Policy } from './policy.entity.ts';

export function upsertOfPolicy(policy: Policy): ConfigUpsert {
  return { op: 'upsert', kind: 'policy', value: configOfPolicy(policy) };
}

export function removalOfPolicy(id: string): ConfigRemoval {
  return { op: 'remove', kind: 'policy', id };
}

export function configOfPolicy(policy: Policy): PolicyConfig {
  const { id, organisationId, scope, envelope, mode, trial } = policy;
  return { id, organisationId: organisationId ?? null, scope, ownerId: ownerOf(policy), envelope, mode, trial: trial ?? null };
}
