/** How a server was when somebody last noticed, as it is stored: one row for each source that can tell. */
import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import { tenantFilter } from '../database/tenant-filter.ts';
import type { ObservedHealth } from './server-health.ts';

/** OBSERVED is what looks at the server and calls of it tell, whichever is newer. SIGN_IN is what is known of the connection to its authorisation server. */
export type HealthSource = 'OBSERVED' | 'SIGN_IN';

export const ServerHealthEntity = defineEntity({
  name: 'ServerHealth',
  tableName: 'server_health',
  filters: tenantFilter,
  properties: {
    serverId: p.string().primary(),
    source: p.string().$type<HealthSource>().primary(),
    organisationId: p.string(),
    health: p.string().$type<ObservedHealth>(),
    detail: p.text().nullable(),
    observedAt: p.datetime(),
    /** When the control plane itself last looked at it, whatever came of it. */
    probedAt: p.datetime().nullable(),
    protocolVersion: p.string().nullable(),
    serverInfo: p.json<Record<string, unknown>>().nullable(),
  },
});
export type ServerHealthRow = InferEntity<typeof ServerHealthEntity>;
