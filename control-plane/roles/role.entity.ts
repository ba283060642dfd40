/** A role of the organisation's own as it is stored; those that the product brings are in the code. */
import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import type { Permission } from '../access/permissions.ts';
import { tenantFilter } from '../database/tenant-filter.ts';

export const RoleEntity = defineEntity({
  name: 'Role',
  tableName: 'roles',
  filters: tenantFilter,
  properties: {
    id: p.string().primary(),
    organisationId: p.string(),
    name: p.string(),
    permissions: p.array<Permission>(),
    version: p.integer().default(1),
    createdAt: p.datetime().defaultRaw('now()'),
    updatedAt: p.datetime().defaultRaw('now()'),
  },
});
export type StoredRole = InferEntity<typeof RoleEntity>;
