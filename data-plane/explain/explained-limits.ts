/** Tells what a look at the counters found: every rate, lease and window that the call would have to pass, with what is left in it. */
import type { ExplainedLimit } from '../../shared/explanation.ts';
import type { GovernancePlan } from '../policies/governance-plan.ts';
import { ruleOf } from '../policies/rule-references.ts';
import type { SeenCounts } from './still-counters.ts';

/** `nowMillis` chooses the windows as step 13 does; `tools` are those that the call names. */
export function explainedLimits({ admission, peek }: SeenCounts, plan: GovernancePlan, at: { nowMillis: number; tools: readonly string[] }): ExplainedLimit[] {
  const none = { reserved: 0, carriedOver: 0, endsAtMillis: null };
  const rates = admission.rates.map((_rate, index): ExplainedLimit | undefined => {
    const rate = plan.rates[index];
    if (rate === undefined) return undefined;
    const limit = rate.burst ?? rate.limit;
    return {
      kind: 'RATE',
      rule: ruleOf(rate),
      metric: 'CALLS',
      mode: modeOf(rate),
      limit,
      used: peek.rates[index] ?? 0,
      asked: 1,
      windowMillis: rate.windowMillis,
      ...none,
    };
  });
  const leases = admission.leases.map((_lease, index): ExplainedLimit | undefined => {
    const lease = plan.leases[index];
    if (lease === undefined) return undefined;
    return {
      kind: 'CONCURRENCY',
      rule: ruleOf(lease),
      metric: 'CALLS',
      mode: modeOf(lease),
      limit: lease.max,
      used: peek.leases[index] ?? 0,
      asked: 1,
      windowMillis: null,
      ...none,
    };
  });
  const { limits } = plan.holds.at(at.nowMillis, at.tools);
  const holds = admission.holds.map((_hold, index): ExplainedLimit | undefined => {
    const [planned, counted] = [limits[index], peek.holds[index]];
    if (planned === undefined || counted === undefined) return undefined;
    const { id, metric, mode } = planned.limit;
    return {
      kind: metric === 'NANO_USD' ? 'BUDGET' : 'QUOTA',
      rule: { kind: 'limit', id, path: 'amount' },
      metric,
      mode,
      limit: planned.amount,
      ...counted,
      asked: admission.heldAmounts[index] ?? 0,
      windowMillis: null,
      endsAtMillis: planned.windowEndMillis,
    };
  });
  return [...rates, ...leases, ...holds].filter((limit) => limit !== undefined);
}

function modeOf({ observe }: { readonly observe: boolean }): 'ENFORCE' | 'OBSERVE' {
  return observe ? 'OBSERVE' : 'ENFORCE';
}
