/** Turns what a gateway node explained into its public shape. */
import type { ExplainedLimit, ExplainedRule, Explanation } from '../../shared/explanation.ts';
import { formatUsd } from '../../shared/nanos-usd.ts';
import type { Money } from '../money/money.types.ts';
import type { RuleRef } from '../usage/decision-trace.types.ts';
import { denialOf } from '../usage/usage-record.ts';
import type { AccessExplanation, ExplainedAim, ExplainedLimitType } from './explain.types.ts';

export function toAccessExplanation(told: Explanation, aim: ExplainedAim): AccessExplanation {
  const { refusal, costNanosUsd, response } = told;
  return {
    aim,
    allowed: refusal === null,
    httpStatus: refusal?.status ?? 200,
    denial: refusal === null ? null : denialOf({ ...refusal, retry_after_seconds: refusal.retryAfterSeconds }),
    trace: {
      steps: told.steps.map(({ durationMicros, rule, ...step }, index) => ({ ...step, order: index + 1, rule: refOf(rule), durationUs: durationMicros })),
    },
    estimatedCost: costNanosUsd === null ? null : moneyOf(costNanosUsd),
    tools: told.tools?.map(({ name, isVisible }) => ({ name, visible: isVisible })) ?? null,
    limits: told.limits.map(toLimit),
    responsePreview: response === null ? null : { ...response, headers: response.headers.map(([name, value]) => ({ name, value })) },
    dataPlane: told.node,
    configVersion: told.configVersion,
    at: new Date(told.atMillis),
  };
}

function toLimit(told: ExplainedLimit): ExplainedLimitType {
  const { kind, metric, mode, limit, used, reserved, carriedOver, asked, windowMillis, endsAtMillis } = told;
  return {
    kind,
    rule: { kind: told.rule.kind, id: told.rule.id ?? null, path: told.rule.path },
    metric,
    mode,
    limit: String(limit),
    used: String(used),
    reserved: String(reserved),
    carriedOver: String(carriedOver),
    remaining: String(Math.max(0, limit + carriedOver - used - reserved)),
    asked: String(asked),
    windowSeconds: windowMillis === null ? null : windowMillis / 1000,
    endsAt: endsAtMillis === null ? null : new Date(endsAtMillis),
  };
}

function refOf(rule: ExplainedRule | null): RuleRef | null {
  return rule === null ? null : { kind: rule.kind, id: rule.id ?? null, path: rule.path };
}

function moneyOf(nanosUsd: string): Money {
  return { nanosUsd, usd: formatUsd(BigInt(nanosUsd)) };
}
