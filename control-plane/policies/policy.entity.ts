/** The policy as it is stored: one for each owner, and one of the operator's for all organisations. */
import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import { GLOBAL_OWNER, type PolicyEnvelope, type PolicyScope } from '../../shared/policy.ts';
import { tenantFilter } from '../database/tenant-filter.ts';

/** The scopes that have an owner to set a policy for. */
export type OwnedScope = Exclude<PolicyScope, 'GLOBAL'>;

export const PolicyEntity = defineEntity({
  name: 'Policy',
  tableName: 'policies',
  filters: tenantFilter,
  properties: {
    id: p.string().primary(),
    /** Null for the operator's. */
    organisationId: p.string().nullable(),
    scope: p.string().$type<PolicyScope>(),
    /** `GLOBAL` for the operator's. */
    ownerId: p.string(),
    envelope: p.json<PolicyEnvelope>(),
    mode: p.string().$type<'ENFORCE' | 'OBSERVE'>().default('ENFORCE'),
    trial: p.json<PolicyEnvelope>().nullable(),
    version: p.integer().default(1),
    updatedAt: p.datetime().defaultRaw('now()'),
  },
});
export type Policy = InferEntity<typeof PolicyEntity>;

/** Null for the operator's, which belongs to nobody. */
export function ownerOf({ ownerId }: Pick<Policy, 'ownerId'>): string | null {
  return ownerId === GLOBAL_OWNER ? null : ownerId;
}
