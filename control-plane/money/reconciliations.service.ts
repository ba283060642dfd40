/** What the last comparisons of an organisation's limits found. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { AdminContext } from '../request-context.ts';
import { LimitReconciliationEntity, type LimitReconciliation } from './limit-reconciliation.entity.ts';
import { LimitEntity, type Limit } from './limit.entity.ts';
import { unexplainedNanosOf, unexplainedOf } from './unexplained.ts';

/** One window of a limit. */
export interface ReconciledWindow {
  readonly limit: Limit;
  readonly found: LimitReconciliation;
}

export class ReconciliationsService {
  /** Of limits in force, oldest first, the newest window of each first. */
  list({ em }: Pick<AdminContext, 'em'>): Promise<ReconciledWindow[]> {
    return reconciled(em, {});
  }

  /** Of all organisations: the largest amount that nothing explains, and when the window was compared that has waited longest; nothing where none was. */
  async worst(em: EntityManager): Promise<{ unexplainedNanos: bigint | undefined; checkedAt: Date | undefined }> {
    const all = await reconciled(em, { filters: false });
    const amounts = all.map(({ limit: { metric }, found }) => unexplainedNanosOf(unexplainedOf(found, metric), metric));
    const checkedAts = all.map(({ found }) => found.checkedAt);
    return {
      unexplainedNanos: amounts.toSorted((left, right) => (left < right ? 1 : -1))[0],
      checkedAt: checkedAts.toSorted((left, right) => left.getTime() - right.getTime())[0],
    };
  }
}

async function reconciled(em: EntityManager, options: { filters?: false }): Promise<ReconciledWindow[]> {
  const limits = new Map((await em.find(LimitEntity, { active: true }, options)).map((limit) => [limit.id, limit]));
  const all = await em.find(LimitReconciliationEntity, {}, { ...options, orderBy: { limitId: 'asc', startsAt: 'desc' } });
  return all.flatMap((found) => {
    const limit = limits.get(found.limitId);
    return limit === undefined ? [] : [{ limit, found }];
  });
}
