/** What the last comparison of a limit's window found, as it is stored. */
import { defineEntity, p, type InferEntity } from '@mikro-orm/core';
import { tenantFilter } from '../database/tenant-filter.ts';
import type { RolledUpSums } from './rolled-up-sums.ts';

export const LimitReconciliationEntity = defineEntity({
  name: 'LimitReconciliation',
  tableName: 'limit_reconciliations',
  filters: tenantFilter,
  properties: {
    /** The name under which the window is counted. */
    id: p.string().primary(),
    organisationId: p.string(),
    limitId: p.string(),
    startsAt: p.datetime(),
    endsAt: p.datetime(),
    checkedAt: p.datetime(),
    /** The counting that was compared: another one after the windows were lost. */
    epoch: p.string(),
    used: p.bigint('bigint'),
    recorded: p.bigint('bigint'),
    notCounted: p.bigint('bigint'),
    reserved: p.bigint('bigint'),
    underWay: p.bigint('bigint'),
    rolledUp: p.json<RolledUpSums>(),
  },
});
export type LimitReconciliation = InferEntity<typeof LimitReconciliationEntity>;
