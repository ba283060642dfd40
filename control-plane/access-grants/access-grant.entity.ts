/** The access grant as it is stored: this key may call this server. */
import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import { tenantFilter } from '../database/tenant-filter.ts';

export const AccessGrantEntity = defineEntity({
  name: 'AccessGrant',
  tableName: 'access_grants',
  filters: tenantFilter,
  properties: {
    id: p.string().primary(),
    organisationId: p.string(),
    apiKeyId: p.string(),
    mcpServerId: p.string(),
    toolsAllowed: p.json<string[]>().nullable(),
    expiresAt: p.datetime().nullable(),
    note: p.text().nullable(),
    /** Of the person or the admin token. */
    createdBy: p.string().nullable(),
    createdAt: p.datetime().defaultRaw('now()'),
  },
});
export type AccessGrant = InferEntity<typeof AccessGrantEntity>;
