/** What is asked for of the catalogue, judged alike in the database and in memory. Fields are joined by AND, a list by OR. */
import type { FilterQuery } from '@mikro-orm/postgresql';
import type { StoredCatalogEntry } from './catalog-entry.entity.ts';
import { containing } from '../database/sql-condition.ts';
import type { CatalogEntry } from './catalog-entry.ts';

export interface CatalogFilter {
  /** Part of a name, of the publisher or of the description, whatever the case. */
  readonly search: string | null;
  readonly categories: readonly string[] | null;
  readonly serverVersion: string | null;
  readonly updatedSince: Date | null;
}

export const WHOLE_CATALOGUE: CatalogFilter = { search: null, categories: null, serverVersion: null, updatedSince: null };

const SEARCHED = ['slug', 'title', 'description', 'publisher', 'registryName'] as const;

export function fits(entry: CatalogEntry, { search, categories, serverVersion, updatedSince }: CatalogFilter): boolean {
  const wanted = search?.toLowerCase() ?? '';
  return (
    SEARCHED.some((field) => entry[field]?.toLowerCase().includes(wanted) === true) &&
    (categories === null || categories.some((category) => entry.categories.includes(category))) &&
    (serverVersion === null || entry.serverVersion === serverVersion) &&
    (updatedSince === null || entry.updatedAt > updatedSince)
  );
}

export function conditionsOf({ search, categories, serverVersion, updatedSince }: CatalogFilter): FilterQuery<StoredCatalogEntry> {
  return {
    ...(search === null ? {} : { $or: SEARCHED.map((field) => ({ [field]: { $ilike: containing(search) } })) }),
    ...(categories === null ? {} : { categories: { $overlap: [...categories] } }),
    ...(serverVersion === null ? {} : { serverVersion }),
    ...(updatedSince === null ? {} : { updatedAt: { $gt: updatedSince } }),
  };
}
