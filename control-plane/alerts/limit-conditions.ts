/** What is to be told of an organisation's limits: those that are nearly or wholly used up, and those whose books do not agree. */
import type { EntityManager } from '@mikro-orm/postgresql';
import DataLoader from 'dataloader';
import type { WindowCounts, WindowCountsSource } from '../../shared/window-counts.ts';
import { lookAt } from '../money/limit-warnings.ts';
import { presentWindow } from '../money/limit-windows.ts';
import { LimitEntity, type Limit } from '../money/limit.entity.ts';
import type { LimitWindowType } from '../money/limit.types.ts';
import type { ReconciliationsService } from '../money/reconciliations.service.ts';
import { isExplained, unexplainedOf } from '../money/unexplained.ts';
import type { AlertCondition } from './alert-condition.ts';

/** `em` sees the one organisation. Rejects with `WindowCountsUnavailable` while nobody knows what is used. */
export async function limitConditions(em: EntityManager, organisationId: string, source: WindowCountsSource): Promise<AlertCondition[]> {
  const limits = await em.find(LimitEntity, { active: true });
  const counts = new DataLoader<string, WindowCounts>((keys) => source.read(organisationId, keys));
  const windows = await Promise.all(limits.map((limit) => presentWindow(limit, Date.now(), counts)));
  return limits.flatMap((limit, index) => {
    const window = windows[index];
    return window == null ? [] : conditionsOf(limit, window);
  });
}

function conditionsOf(limit: Limit, window: LimitWindowType): AlertCondition[] {
  const isBudget = limit.metric === 'NANO_USD';
  const noun = isBudget ? 'budget' : 'quota';
  const { used, carriedOver } = window;
  const told = { targetId: limit.id, detail: { used, limit: window.limit, carriedOver, endsAt: window.endsAt.toISOString() } };
  if (BigInt(used) >= BigInt(window.limit) + BigInt(carriedOver)) {
    return [{ ...told, kind: isBudget ? 'BUDGET_EXHAUSTED' : 'QUOTA_EXHAUSTED', severity: 'CRITICAL', title: `the ${noun} ${limit.name} is used up` }];
  }
  const { crossedPercent } = lookAt(limit, window, undefined);
  if (!isBudget || crossedPercent === null) return [];
  return [{ ...told, kind: 'BUDGET_THRESHOLD', severity: 'WARNING', title: `the budget ${limit.name} has passed ${crossedPercent} %` }];
}

/** `em` sees the one organisation. */
export async function ledgerConditions(em: EntityManager, reconciliations: ReconciliationsService): Promise<AlertCondition[]> {
  const windows = (await reconciliations.list({ em })).filter(({ limit, found }) => !isExplained(unexplainedOf(found, limit.metric)));
  const newest = new Map(windows.toReversed().map((window) => [window.limit.id, window]));
  return [...newest.values()].map(({ limit, found }) => ({
    kind: 'LEDGER_UNEXPLAINED',
    severity: 'CRITICAL',
    targetId: limit.id,
    title: `counters and records of the limit ${limit.name} do not agree`,
    detail: { startsAt: found.startsAt.toISOString(), checkedAt: found.checkedAt.toISOString() },
  }));
}
