/** The limit as it is stored: a budget when its metric is money, a quota otherwise. */
import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import type { LimitMetric, LimitOwnerType, LimitPeriod } from '../../shared/limit.ts';
import { tenantFilter } from '../database/tenant-filter.ts';

export const LimitEntity = defineEntity({
  name: 'Limit',
  tableName: 'limits',
  filters: tenantFilter,
  properties: {
    id: p.string().primary(),
    organisationId: p.string(),
    name: p.string(),
    ownerType: p.string().$type<LimitOwnerType>(),
    ownerId: p.string(),
    mcpServerId: p.string().nullable(),
    tool: p.string().nullable(),
    metric: p.string().$type<LimitMetric>(),
    amount: p.bigint('string'),
    period: p.string().$type<LimitPeriod>(),
    timezone: p.string(),
    startAt: p.datetime(),
    endAt: p.datetime().nullable(),
    countedSince: p.datetime(),
    rollover: p.boolean(),
    active: p.boolean().default(true),
    mode: p.string().$type<'ENFORCE' | 'OBSERVE'>(),
    allotmentCalls: p.integer().nullable(),
    warnAtPercent: p.json<number[]>(),
    version: p.integer().default(1),
    createdAt: p.datetime().defaultRaw('now()'),
    updatedAt: p.datetime().defaultRaw('now()'),
  },
});
export type Limit = InferEntity<typeof LimitEntity>;
