/** A data plane as the control plane last heard of it. */
import { defineEntity, p, type InferEntity } from '@mikro-orm/core';

export const DataPlaneEntity = defineEntity({
  name: 'DataPlane',
  tableName: 'data_planes',
  properties: {
    id: p.string().primary(),
    tokenId: p.string(),
    name: p.string(),
    region: p.string().nullable(),
    version: p.string(),
    configVersion: p.bigint('string').default('0'),
    refusedVersion: p.bigint('string').nullable(),
    refusedReason: p.text().nullable(),
    ready: p.boolean().default(false),
    inFlight: p.integer().default(0),
    endpoints: p.json<string[]>(),
    startedAt: p.datetime().defaultRaw('now()'),
    lastSeenAt: p.datetime().defaultRaw('now()'),
  },
});
export type DataPlane = InferEntity<typeof DataPlaneEntity>;
