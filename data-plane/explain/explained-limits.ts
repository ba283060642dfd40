/** Tells what a look at the counters found: every rate, lease and window that the call would have to pass, with what is left in it. */
import type { ExplainedLimit } from '../../shared/explanation.ts';
import { CONCURRENCY_PATH } from '../policies/limit-refusals.ts';
import type { GovernancePlan } from '../policies/governance-plan.ts';
import type { SeenCounts } from './still-counters.ts';

/** `nowMillis` chooses the windows as step 13 does; `tools` are those that the call names. */
export function explainedLimits({ admission, peek }: SeenCounts, plan: GovernancePlan, at: { nowMillis: number; tools: readonly string[] }): ExplainedLimit[] {
  const none = { reserved: 0, carriedOver: 0, endsAtMillis: null };
  const rates = admission.rates.map((_rate, index): ExplainedLimit | undefined => {
    const [rate, policy] = [plan.rates.checks[index], plan.rates.policies[index]];
    if (rate === undefined || policy === undefined) return undefined;
    const rule = { kind: 'policy', id: policy.id, path: rate.path };
    const limit = rate.burst ?? rate.limit;
    return { kind: 'RATE', rule, metric: 'CALLS', mode: 'ENFORCE', limit, used: peek.rates[index] ?? 0, asked: 1, windowMillis: rate.windowMillis, ...none };
  });
  const leases = admission.leases.map(({ max }, index): ExplainedLimit => {
    const rule = { kind: 'policy', id: plan.leases.policies[index]?.id ?? '', path: CONCURRENCY_PATH };
    return { kind: 'CONCURRENCY', rule, metric: 'CALLS', mode: 'ENFORCE', limit: max, used: peek.leases[index] ?? 0, asked: 1, windowMillis: null, ...none };
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
