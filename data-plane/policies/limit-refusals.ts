/** Turns the counters' no into the refusal that the caller reads: which limit, whose, how much of it is left, and until when. */
import { formatUsd } from '../../shared/nanos-usd.ts';
import type { LeaseRule, RateRule } from '../../shared/policy-rules.ts';
import { Refusal } from '../../shared/refusal.ts';
import type { AdmissionAnswer } from '../counters/counters.ts';
import type { GovernancePlan } from './governance-plan.ts';
import type { PlannedLimit } from './planned-holds.ts';
import type { PlannedLoop } from './planned-loops.ts';
import { ruleOf } from './rule-references.ts';

type AdmittedAnswer = Extract<AdmissionAnswer, { kind: 'admitted' }>;
type RefusedAnswer = Extract<AdmissionAnswer, { kind: 'refused' }>;

/** What the counters judged by, each list in the order of their checks. */
export interface JudgedRules {
  readonly plan: Pick<GovernancePlan, 'rates' | 'leases'>;
  readonly limits: readonly PlannedLimit[];
  readonly loops?: readonly PlannedLoop[] | undefined;
}

const RETRY_AFTER_AWAY_SECONDS = 5;

export function refusalOf(answer: RefusedAnswer, { plan, limits, loops = [] }: JudgedRules, nowMillis: number): Refusal {
  switch (answer.check) {
    case 'rate':
      return rateRefusal(answer, judged(plan.rates, answer.index));
    case 'lease':
      return leaseRefusal(answer, judged(plan.leases, answer.index));
    case 'loop':
      return loopRefusal(answer, judged(loops, answer.index), nowMillis);
    case 'hold':
      return holdRefusal(answer, judged(limits, answer.index), nowMillis);
  }
}

/** What checks that only observe would have refused. How much they had left is not known. */
export function observedRefusals(answer: AdmittedAnswer, rules: JudgedRules, nowMillis: number): Refusal[] {
  const observed = [...(answer.observedChecks ?? []), ...answer.observedHolds.map((index) => ({ check: 'hold' as const, index }))];
  return observed.map((check) => refusalOf({ ...check, kind: 'refused', used: 0, reserved: 0, carriedOver: 0, retryAfterMillis: 0 }, rules, nowMillis));
}

function judged<Rule>(rules: readonly Rule[], index: number): Rule {
  const rule = rules[index];
  if (rule === undefined) throw new Error('the counters answered to a check that was not asked for');
  return rule;
}

/** The counters cannot be asked, and this call may spend money only with them. */
export function countersAway(cause: unknown): Refusal {
  return new Refusal(
    'counters_unavailable',
    'counters_unavailable',
    'budgets and quotas cannot be checked now',
    { retryAfterSeconds: RETRY_AFTER_AWAY_SECONDS },
    { cause },
  );
}

/** What was counted is being counted again, which takes a moment. */
export function countersRebuilding(cause: unknown): Refusal {
  return new Refusal('counters_unavailable', 'counters_rebuilding', 'budgets and quotas are being counted again', { retryAfterSeconds: 1 }, { cause });
}

function rateRefusal(answer: RefusedAnswer, rate: RateRule): Refusal {
  const { limit, scope } = rate;
  const seconds = rate.windowMillis / 1000;
  return new Refusal('rate_limit_exceeded', 'request_rate', `more than ${limit} requests in ${seconds === 1 ? 'a second' : `${seconds} seconds`}`, {
    scope,
    limit,
    used: answer.used,
    remaining: 0,
    window: `${seconds}s`,
    retryAfterSeconds: Math.max(1, Math.ceil(answer.retryAfterMillis / 1000)),
    rule: ruleOf(rate),
  });
}

function leaseRefusal(answer: RefusedAnswer, lease: LeaseRule): Refusal {
  const { max, scope } = lease;
  return new Refusal('concurrency_exceeded', 'concurrency', `${max} calls are under way already`, {
    scope,
    limit: max,
    used: answer.used,
    remaining: 0,
    retryAfterSeconds: 1,
    rule: ruleOf(lease),
  });
}

const LOOP_SENTENCES: Readonly<Record<PlannedLoop['kind'], (loop: PlannedLoop, seconds: number) => string>> = {
  repeated_calls: ({ max, tool }, seconds) => `tool '${tool}' was called with the same arguments more than ${max} times in ${seconds} seconds`,
  error_streak: ({ max, tool }) => `tool '${tool}' has failed ${max} times in a row`,
  fan_out: ({ max }, seconds) => `more than ${max} different tools were called in ${seconds} seconds`,
};

function loopRefusal(answer: RefusedAnswer, loop: PlannedLoop, nowMillis: number): Refusal {
  const { kind, max, rule } = loop;
  return new Refusal('mcp_guardrail_block', 'loop_detected', LOOP_SENTENCES[kind](loop, loop.windowMillis / 1000), {
    scope: rule.scope,
    limit: max,
    used: answer.used,
    remaining: 0,
    resetAt: new Date(nowMillis + answer.retryAfterMillis).toISOString(),
    retryAfterSeconds: Math.max(1, Math.ceil(answer.retryAfterMillis / 1000)),
    rule: ruleOf(rule),
  });
}

function holdRefusal(answer: RefusedAnswer, planned: PlannedLimit, nowMillis: number): Refusal {
  const { limit } = planned;
  const isBudget = limit.metric === 'NANO_USD';
  const available = planned.amount + answer.carriedOver;
  const left = Math.max(0, available - answer.used - answer.reserved);
  const show = (amount: number) => (isBudget ? `$${formatUsd(BigInt(amount))}` : String(amount));
  const facts = {
    scope: limit.ownerType,
    limitId: limit.id,
    owner: limit.ownerId,
    window: limit.period,
    limit: limit.amount,
    used: String(answer.used),
    reserved: String(answer.reserved),
    ...(limit.rollover ? { carriedOver: String(answer.carriedOver) } : {}),
    remaining: String(left),
    resetAt: new Date(planned.windowEndMillis).toISOString(),
    retryAfterSeconds: Math.max(1, Math.ceil((planned.windowEndMillis - nowMillis) / 1000)),
    rule: { kind: 'limit', id: limit.id, path: 'amount' },
  };
  const detail = `'${limit.name}' has ${show(left)} of ${show(available)} left in this ${limit.period.toLowerCase()} window`;
  return isBudget
    ? new Refusal('budget_exceeded', 'budget_exhausted', detail, facts)
    : new Refusal('quota_exceeded', 'quota_exhausted', `${detail} (${limit.metric})`, facts);
}
