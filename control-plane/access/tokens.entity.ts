/** Tokens of administrators and of data planes as they are stored: keyed hashes, never the tokens. */
import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import type { Permission } from './permissions.ts';

/** Not behind the tenant filter: it is what tells which tenant is asking. */
export const AdminTokenEntity = defineEntity({
  name: 'AdminToken',
  tableName: 'admin_tokens',
  properties: {
    id: p.string().primary(),
    organisationId: p.string(),
    name: p.string(),
    prefix: p.string(),
    hash: p.string(),
    permissions: p.array<Permission>(),
    expiresAt: p.datetime().nullable(),
    revokedAt: p.datetime().nullable(),
    /** Null for one that no mutation made. */
    createdByKind: p.string().nullable(),
    createdById: p.string().nullable(),
    createdAt: p.datetime().defaultRaw('now()'),
  },
});
export type AdminToken = InferEntity<typeof AdminTokenEntity>;

export const DataPlaneTokenEntity = defineEntity({
  name: 'DataPlaneToken',
  tableName: 'data_plane_tokens',
  properties: {
    id: p.string().primary(),
    prefix: p.string(),
    hash: p.string(),
    /** Null means every organisation. */
    organisationIds: p.array().nullable(),
    revokedAt: p.datetime().nullable(),
    createdAt: p.datetime().defaultRaw('now()'),
  },
});
export type DataPlaneToken = InferEntity<typeof DataPlaneTokenEntity>;
