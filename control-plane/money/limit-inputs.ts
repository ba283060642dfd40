/** Fills the defaults into the API's inputs on limits; null where a client sent it counts as not given. */
import type { BudgetInput, LimitScheduleInput, QuotaInput, UpdateBudgetInput, UpdateQuotaInput } from './limit-inputs.types.ts';
import type { ScheduleInput } from './limit-schedule.ts';
import type { LimitChange, NewLimit } from './limits.service.ts';

export function toNewBudget(input: BudgetInput): NewLimit {
  return { kind: 'Budget', metric: 'NANO_USD', amount: input.limitUsd, warnAtPercent: input.warnAtPercent, ...termsOf(input) };
}

export function toNewQuota(input: QuotaInput): NewLimit {
  return { kind: 'Quota', metric: input.metric, amount: input.limit, warnAtPercent: [], ...termsOf(input) };
}

export function toBudgetChange(input: UpdateBudgetInput): LimitChange {
  return { kind: 'Budget', amount: input.limitUsd ?? undefined, warnAtPercent: input.warnAtPercent ?? undefined, ...changeOf(input) };
}

export function toQuotaChange(input: UpdateQuotaInput): LimitChange {
  return { kind: 'Quota', amount: input.limit ?? undefined, warnAtPercent: undefined, ...changeOf(input) };
}

function termsOf(input: BudgetInput | QuotaInput): Omit<NewLimit, 'kind' | 'metric' | 'amount' | 'warnAtPercent'> {
  return {
    name: input.name,
    owner: { type: input.ownerType, id: input.ownerId ?? null },
    serverId: input.serverId ?? null,
    tool: input.tool ?? null,
    schedule: scheduleOf(input.schedule),
    mode: input.mode,
    allotmentCalls: input.allotmentCalls ?? 1,
    dryRun: input.dryRun,
  };
}

function changeOf(input: UpdateBudgetInput | UpdateQuotaInput): Omit<LimitChange, 'kind' | 'amount' | 'warnAtPercent'> {
  return {
    id: input.id,
    expectedVersion: input.expectedVersion ?? null,
    dryRun: input.dryRun,
    name: input.name ?? undefined,
    schedule: input.schedule == null ? undefined : scheduleOf(input.schedule),
    mode: input.mode ?? undefined,
    allotmentCalls: input.allotmentCalls ?? undefined,
    active: input.active ?? undefined,
  };
}

/** Of the two instants only the end may be taken away, so only there null says something. */
function scheduleOf({ period, timezone, startAt, endAt, rollover }: LimitScheduleInput): ScheduleInput {
  return { period, timezone, startAt: startAt ?? undefined, endAt, rollover: rollover ?? undefined };
}
