/** The virtual API key as it is stored: keyed hashes of the current token and, after a rotation, of the one before. */
import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import type { ApiKey as ApiKeyDocument } from '../../shared/api-key.ts';
import type { DenialStyle } from '../../shared/mcp-server.ts';
import { tenantFilter } from '../database/tenant-filter.ts';

export const ApiKeyEntity = defineEntity({
  name: 'ApiKey',
  tableName: 'api_keys',
  filters: tenantFilter,
  properties: {
    id: p.string().primary(),
    organisationId: p.string(),
    type: p.string().$type<ApiKeyDocument['type']>(),
    name: p.string(),
    prefix: p.string(),
    hash: p.string(),
    previousPrefix: p.string().nullable(),
    previousHash: p.string().nullable(),
    graceUntil: p.datetime().nullable(),
    teamId: p.string().nullable(),
    userId: p.string().nullable(),
    userDomain: p.string().nullable(),
    state: p.string().$type<ApiKeyDocument['state']>().default('ACTIVE'),
    denialStyle: p.string().$type<DenialStyle>().nullable(),
    expiresAt: p.datetime().nullable(),
    revokedAt: p.datetime().nullable(),
    disabledAt: p.datetime().nullable(),
    lastUsedAt: p.datetime().nullable(),
    agentId: p.string().nullable(),
    /** Of the person or the admin token. */
    createdBy: p.string().nullable(),
    metadata: p.json<Record<string, unknown>>(),
    version: p.integer().default(1),
    createdAt: p.datetime().defaultRaw('now()'),
    updatedAt: p.datetime().defaultRaw('now()'),
  },
});
export type ApiKey = InferEntity<typeof ApiKeyEntity>;
