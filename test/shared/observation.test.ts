/** Observations as events carry them: written by the data plane, read by the control plane. */
import { expect, test } from 'vitest';
import { readObservation, writeObservation } from '../../shared/observation.ts';
import { Refusal } from '../../shared/refusal.ts';

test.each([
  new Refusal('rate_limit_exceeded', 'request_rate', 'too many', { rule: { kind: 'policy', id: 'pol_1', path: 'policies.ratelimit.requests.per_minute' } }),
  new Refusal('mcp_guardrail_block', 'loop_detected', 'a loop', { rule: { kind: 'policy', path: 'trial:odd path' } }),
  new Refusal('quota_exceeded', 'quota_exhausted'),
])('of %s what is written is read again', (refusal) => {
  const { code, reason, facts } = refusal;
  expect(readObservation(writeObservation(refusal))).toEqual({ code, reason, rule: facts.rule });
});

test('text of other kinds is none, and that of earlier versions has no rule', () => {
  expect(readObservation('whatever')).toBeUndefined();
  expect(readObservation('budget_exceeded/budget_exhausted')).toEqual({ code: 'budget_exceeded', reason: 'budget_exhausted', rule: undefined });
});
