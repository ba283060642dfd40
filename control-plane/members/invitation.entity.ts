/** The invitation as it is stored, until it is accepted or taken back: then its row is gone. */
import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import { tenantFilter } from '../database/tenant-filter.ts';

export const InvitationEntity = defineEntity({
  name: 'Invitation',
  tableName: 'invitations',
  filters: tenantFilter,
  properties: {
    id: p.string().primary(),
    organisationId: p.string(),
    /** Null for the first administrator's, who says it himself. */
    email: p.string().nullable(),
    teamId: p.string().nullable(),
    roleId: p.string(),
    hash: p.string(),
    expiresAt: p.datetime(),
    createdAt: p.datetime().defaultRaw('now()'),
  },
});
export type Invitation = InferEntity<typeof InvitationEntity>;
