/** Finds alerts of one organisation. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { AdminContext } from '../request-context.ts';
import { AlertEntity, type Alert } from './alert.entity.ts';

const LISTED_MAX = 500;

export class AlertsService {
  /** Newest first. Needs USAGE_READ, which the caller has asked for. */
  list({ em }: AdminContext, { active }: { active: boolean }): Promise<Alert[]> {
    return em.find(AlertEntity, active ? { resolvedAt: null } : {}, { orderBy: { id: 'desc' }, limit: LISTED_MAX });
  }

  findAll(em: EntityManager, ids: readonly string[]): Promise<Alert[]> {
    return em.find(AlertEntity, { id: { $in: [...ids] } }, { orderBy: { id: 'asc' } });
  }
}
