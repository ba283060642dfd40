/** The filter that keeps every query inside the caller's organisation; entities that belong to one carry it. */

export const TENANT_FILTER = 'tenant';

/** Set on each request's entity manager. Without a parameter a query fails rather than seeing everything. */
export const tenantFilter = {
  [TENANT_FILTER]: {
    name: TENANT_FILTER,
    cond: ({ organisationId }: { organisationId: string }) => ({ organisationId }),
    default: true,
  },
};
