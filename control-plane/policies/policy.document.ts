/** Turns a stored policy into what the data planes obey. */
import type { ConfigUpsert } from '../../shared/config-document.ts';
import type { Policy } from './policy.entity.ts';

export function upsertOfPolicy(policy: Policy): ConfigUpsert {
  const { id, organisationId, scope, ownerId, envelope } = policy;
  return { op: 'upsert', kind: 'policy', value: { id, organisationId, scope, ownerId, envelope, mode: 'ENFORCE' } };
}
