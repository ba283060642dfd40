/** What the last comparisons of an organisation's limits found. */
import type { AdminContext } from '../request-context.ts';
import { LimitReconciliationEntity, type LimitReconciliation } from './limit-reconciliation.entity.ts';
import { LimitEntity, type Limit } from './limit.entity.ts';

/** One window of a limit. */
export interface ReconciledWindow {
  readonly limit: Limit;
  readonly found: LimitReconciliation;
}

export class ReconciliationsService {
  /** Of limits in force, oldest first, the newest window of each first. */
  async list({ em }: AdminContext): Promise<ReconciledWindow[]> {
    const limits = new Map((await em.find(LimitEntity, { active: true })).map((limit) => [limit.id, limit]));
    const all = await em.find(LimitReconciliationEntity, {}, { orderBy: { limitId: 'asc', startsAt: 'desc' } });
    return all.flatMap((found) => {
      const limit = limits.get(found.limitId);
      return limit === undefined ? [] : [{ limit, found }];
    });
  }
}
