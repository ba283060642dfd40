/** The filter that keeps every query inside the caller's organisation; entities that belong to one carry it. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { withinOrganisation } from './roles.ts';

export const TENANT_FILTER = 'tenant';

/** Set on each request's entity manager. Without a parameter a query fails rather than seeing everything. */
export const tenantFilter = {
  [TENANT_FILTER]: {
    name: TENANT_FILTER,
    cond: ({ organisationId }: { organisationId: string }) => ({ organisationId }),
    default: true,
  },
};

/** For finding out who asks, by something that nobody else has: the organisation is what the answer tells. With an entity manager of `acrossOrganisations`. */
export const ACROSS_TENANTS = { filters: { [TENANT_FILTER]: false } } as const;

/** A unit of work of its own that sees this organisation only. */
export function insideOrganisation(em: EntityManager, organisationId: string): EntityManager {
  const inside = withinOrganisation(em, organisationId);
  inside.setFilterParams(TENANT_FILTER, { organisationId });
  return inside;
}
