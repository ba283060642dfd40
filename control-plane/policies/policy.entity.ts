/** The policy as it is stored: one envelope for each owner. */
import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import type { PolicyEnvelope, PolicyScope } from '../../shared/policy.ts';
import { tenantFilter } from '../database/tenant-filter.ts';

/** The scopes that have an owner to set a policy for. */
export type OwnedScope = Exclude<PolicyScope, 'GLOBAL' | 'USER'>;

export const PolicyEntity = defineEntity({
  name: 'Policy',
  tableName: 'policies',
  filters: tenantFilter,
  properties: {
    id: p.string().primary(),
    organisationId: p.string(),
    scope: p.string().$type<OwnedScope>(),
    ownerId: p.string(),
    envelope: p.json<PolicyEnvelope>(),
    version: p.integer().default(1),
    updatedAt: p.datetime().defaultRaw('now()'),
  },
});
export type Policy = InferEntity<typeof PolicyEntity>;
