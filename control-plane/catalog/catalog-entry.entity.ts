/** An entry of an organisation’s own as it is stored; those that come with the product are in a file. */
import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import { tenantFilter } from '../database/tenant-filter.ts';
import type { CatalogAuthType, CatalogEntry, CatalogReach, CatalogVariable } from './catalog-entry.ts';

export const CatalogEntryEntity = defineEntity({
  name: 'CatalogEntry',
  tableName: 'catalog_entries',
  filters: tenantFilter,
  properties: {
    id: p.string().primary(),
    organisationId: p.string(),
    slug: p.string(),
    title: p.string(),
    description: p.string(),
    publisher: p.string(),
    serverVersion: p.string(),
    categories: p.array(),
    iconUrl: p.string().nullable(),
    websiteUrl: p.string().nullable(),
    registryName: p.string().nullable(),
    authTypes: p.array<CatalogAuthType>(),
    reach: p.json<CatalogReach>(),
    variables: p.json<CatalogVariable[]>(),
    revision: p.integer().default(1),
    createdAt: p.datetime().defaultRaw('now()'),
    updatedAt: p.datetime().defaultRaw('now()'),
  },
});
export type StoredCatalogEntry = InferEntity<typeof CatalogEntryEntity>;

export function toCatalogEntry({ organisationId: _organisation, ...stored }: StoredCatalogEntry): CatalogEntry {
  const { iconUrl = null, websiteUrl = null, registryName = null, ...rest } = stored;
  return { ...rest, iconUrl, websiteUrl, registryName, isTrusted: false };
}
