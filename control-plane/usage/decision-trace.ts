/** Puts the steps of a recorded request together again, from what its event carried. */
import { ACCESS_STEPS, CHARGED_ON_THE_WAY_OUT, orderOfStep, type AccessStep } from '../../shared/access-steps.ts';
import { readObservation, summaryOf } from '../../shared/observation.ts';
import type { DecisionStep, DecisionTrace } from './decision-trace.types.ts';
import type { UsageRow } from './usage-row.ts';

/** Where rules that only observe are judged, by the code with which they would have refused; or by code and reason, where a step is not that of its code. */
const OBSERVING_STEPS: Readonly<Record<string, AccessStep>> = {
  'mcp_not_allowed/agent_not_mapped': 'extractRpc',
  mcp_not_allowed: 'enforcePolicy',
  payload_too_large: 'enforcePolicy',
  // Loops are counted where rates are.
  'mcp_guardrail_block/loop_detected': 'reserveSpend',
  mcp_guardrail_block: 'applyToolRules',
  rate_limit_exceeded: 'reserveSpend',
  concurrency_exceeded: 'reserveSpend',
  budget_exceeded: 'reserveSpend',
  quota_exceeded: 'reserveSpend',
  upstream_error: 'proxyUpstream',
};
const [FORWARDED_AT, CHARGED_AT] = [orderOfStep('proxyUpstream'), orderOfStep('reconcileRateLimit')];

/** Null for a request that no rule had anything against, and for records that were written before they named the step. */
export function traceOf(row: Pick<UsageRow, 'step' | 'code' | 'reason' | 'message' | 'rule' | 'observed'>): DecisionTrace | null {
  const { step: endedAt } = row;
  if (endedAt === null && (row.code !== null || row.observed.length === 0)) return null;
  const steps = ACCESS_STEPS.map((name, index): DecisionStep => {
    const order = index + 1;
    const step = { order, name, reason: null, detail: null, rule: null, durationUs: null };
    if (order === endedAt) return { ...step, outcome: 'DENY', reason: `${row.code}/${row.reason}`, detail: row.message, rule: shownRule(row.rule) };
    const observed = row.observed.filter((text) => observingStepOf(text) === name);
    if (observed.length > 0) {
      const { reason, rule } = summaryOf(observed);
      return { ...step, outcome: 'OBSERVE', reason, rule: shownRule(rule) };
    }
    return { ...step, outcome: wasTaken(order, endedAt) ? 'PASS' : 'SKIPPED' };
  });
  return { steps };
}

/** What is refused skips the way to the server; its books are closed all the same. */
function wasTaken(order: number, endedAt: number | null): boolean {
  if (order === CHARGED_AT) return endedAt !== null && CHARGED_ON_THE_WAY_OUT.has(ACCESS_STEPS[endedAt - 1] ?? '');
  if (order > FORWARDED_AT || endedAt === null) return true;
  // The rates were exceeded when a request that was refused before was charged for them.
  return endedAt === CHARGED_AT ? order < FORWARDED_AT - 1 : order < endedAt;
}

function observingStepOf(text: string): AccessStep | undefined {
  const observation = readObservation(text);
  return observation === undefined ? undefined : (OBSERVING_STEPS[`${observation.code}/${observation.reason}`] ?? OBSERVING_STEPS[observation.code]);
}

function shownRule(rule: UsageRow['rule']): DecisionStep['rule'] {
  return rule === null ? null : { kind: rule.kind, id: rule.id ?? null, path: rule.path };
}
