/** Says what a change of a budget or quota touches, by the names of the inputs that set it. */
import { formatUsd } from '../../shared/nanos-usd.ts';
import { fieldChangesOf, type FieldChange } from '../graphql/field-changes.ts';
import type { LimitKind } from './limit-amounts.ts';
import type { Limit } from './limit.entity.ts';

/** `before` is null for a limit that is made. */
export function limitChangesOf(kind: LimitKind, before: Limit | null, after: Limit): FieldChange[] {
  return fieldChangesOf(before === null ? null : settingsOf(kind, before), settingsOf(kind, after));
}

function settingsOf(kind: LimitKind, limit: Limit): object {
  const { name, amount, warnAtPercent, startAt, endAt, period, timezone, rollover, mode, allotmentCalls, active } = limit;
  const ceiling = kind === 'Budget' ? { limitUsd: formatUsd(BigInt(amount)), warnAtPercent } : { limit: amount };
  const schedule = { startAt: startAt.toISOString(), endAt: endAt?.toISOString() ?? null, period, timezone, rollover };
  return { name, ...ceiling, schedule, mode, allotmentCalls: allotmentCalls ?? 1, active };
}
