/** A request to install as it is stored: what was asked, by whom, and what became of it. */
import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import { tenantFilter } from '../database/tenant-filter.ts';

export type InstallRequestState = 'PENDING' | 'APPROVED' | 'REFUSED' | 'WITHDRAWN';

export const InstallRequestEntity = defineEntity({
  name: 'InstallRequest',
  tableName: 'install_requests',
  filters: tenantFilter,
  properties: {
    id: p.string().primary(),
    organisationId: p.string(),
    entryId: p.string(),
    /** As it was called then. */
    entryTitle: p.string(),
    requestedById: p.string(),
    reason: p.text().nullable(),
    state: p.string().$type<InstallRequestState>().default('PENDING'),
    /** A person or a token. */
    decidedByKind: p.string().nullable(),
    decidedById: p.string().nullable(),
    decidedAt: p.datetime().nullable(),
    decisionNote: p.text().nullable(),
    /** What was installed. */
    mcpServerId: p.string().nullable(),
    createdAt: p.datetime().defaultRaw('now()'),
  },
});
export type InstallRequest = InferEntity<typeof InstallRequestEntity>;
