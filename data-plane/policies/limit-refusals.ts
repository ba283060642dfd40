/** Turns the counters' no into the refusal that the caller reads: which limit, whose, how much of it is left, and until when. */
import { formatUsd } from '../../shared/nanos-usd.ts';
import { Refusal } from '../../shared/refusal.ts';
import type { AdmissionAnswer } from '../counters/counters.ts';
import type { GovernancePlan } from './governance-plan.ts';
import type { PlannedLimit } from './planned-holds.ts';

type RefusedAnswer = Extract<AdmissionAnswer, { kind: 'refused' }>;

/** The setting of a policy that a lease stands for. */
export const CONCURRENCY_PATH = 'policies.ratelimit.concurrency.max';
const RETRY_AFTER_AWAY_SECONDS = 5;

export function refusalOf(answer: RefusedAnswer, plan: GovernancePlan, limits: readonly PlannedLimit[], nowMillis: number): Refusal {
  switch (answer.check) {
    case 'rate':
      return rateRefusal(answer, plan);
    case 'lease':
      return leaseRefusal(answer, plan);
    case 'hold':
      return holdRefusal(answer, limits[answer.index], nowMillis);
  }
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

function rateRefusal(answer: RefusedAnswer, plan: GovernancePlan): Refusal {
  const rate = plan.rates.checks[answer.index];
  const policy = plan.rates.policies[answer.index];
  const seconds = (rate?.windowMillis ?? 0) / 1000;
  return new Refusal('rate_limit_exceeded', 'request_rate', `more than ${rate?.limit} requests in ${seconds === 1 ? 'a second' : `${seconds} seconds`}`, {
    scope: policy?.scope ?? 'ORGANISATION',
    limit: rate?.limit ?? 0,
    used: answer.used,
    remaining: 0,
    window: `${seconds}s`,
    retryAfterSeconds: Math.max(1, Math.ceil(answer.retryAfterMillis / 1000)),
    rule: { kind: 'policy', id: policy?.id ?? '', path: rate?.path ?? '' },
  });
}

function leaseRefusal(answer: RefusedAnswer, plan: GovernancePlan): Refusal {
  const policy = plan.leases.policies[answer.index];
  const max = plan.leases.checks[answer.index]?.max ?? 0;
  return new Refusal('concurrency_exceeded', 'concurrency', `${max} calls are under way already`, {
    scope: policy?.scope ?? 'ORGANISATION',
    limit: max,
    used: answer.used,
    remaining: 0,
    retryAfterSeconds: 1,
    rule: { kind: 'policy', id: policy?.id ?? '', path: CONCURRENCY_PATH },
  });
}

function holdRefusal(answer: RefusedAnswer, planned: PlannedLimit | undefined, nowMillis: number): Refusal {
  if (planned === undefined) throw new Error('the counters refused a hold that was not asked for');
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
