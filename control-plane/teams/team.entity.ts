/** The team as it is stored. */
import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import { tenantFilter } from '../database/tenant-filter.ts';

export const TeamEntity = defineEntity({
  name: 'Team',
  tableName: 'teams',
  filters: tenantFilter,
  properties: {
    id: p.string().primary(),
    organisationId: p.string(),
    slug: p.string(),
    name: p.string(),
    createdAt: p.datetime().defaultRaw('now()'),
    updatedAt: p.datetime().defaultRaw('now()'),
  },
});
export type Team = InferEntity<typeof TeamEntity>;
