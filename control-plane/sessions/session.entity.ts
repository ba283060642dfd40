/** The session of somebody who has signed in, as it is stored: under the keyed hash of what the cookie holds. One that was ended has no row. */
import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import { tenantFilter } from '../database/tenant-filter.ts';

export const SessionEntity = defineEntity({
  name: 'Session',
  tableName: 'sessions',
  filters: tenantFilter,
  properties: {
    id: p.string().primary(),
    organisationId: p.string(),
    userId: p.string(),
    hash: p.string(),
    /** What the browser calls itself. */
    client: p.string().nullable(),
    address: p.string(),
    createdAt: p.datetime().defaultRaw('now()'),
    lastSeenAt: p.datetime().defaultRaw('now()'),
    expiresAt: p.datetime(),
  },
});
export type Session = InferEntity<typeof SessionEntity>;
