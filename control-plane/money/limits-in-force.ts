/** The limits whose windows the data planes count, as the windows are recovered from them. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Limit } from '../../shared/limit.ts';
import { toLimitDocument } from './limit.document.ts';
import { LimitEntity } from './limit.entity.ts';

/** Answers those of one organisation, whether or not their schedules are running. */
export type LimitsInForce = (organisationId: string) => Promise<readonly Limit[]>;

export function storedLimitsInForce(em: EntityManager): LimitsInForce {
  return async (organisationId) => {
    const limits = await em.fork().find(LimitEntity, { organisationId, active: true }, { filters: false });
    return limits.map(toLimitDocument);
  };
}
