/** The membership as it is stored: what somebody is in the organisation. Who was removed has none. */
import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import { tenantFilter } from '../database/tenant-filter.ts';

export type MembershipState = 'ACTIVE' | 'SUSPENDED';

export const MembershipEntity = defineEntity({
  name: 'Membership',
  tableName: 'memberships',
  filters: tenantFilter,
  properties: {
    id: p.string().primary(),
    organisationId: p.string(),
    userId: p.string(),
    teamId: p.string().nullable(),
    /** The name of a role that the product brings, or the id of one of the organisation's own. */
    roleId: p.string(),
    state: p.string().$type<MembershipState>().default('ACTIVE'),
    version: p.integer().default(1),
    createdAt: p.datetime().defaultRaw('now()'),
    updatedAt: p.datetime().defaultRaw('now()'),
  },
});
export type Membership = InferEntity<typeof MembershipEntity>;
