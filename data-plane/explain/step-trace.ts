/** Follows the access flow step by step, for whoever wants to read how it came to its end. */
import { ACCESS_STEPS, CHARGED_ON_THE_WAY_OUT, type AccessStep } from '../../shared/access-steps.ts';
import type { Clock } from '../../shared/clock.ts';
import type { ExplainedStep } from '../../shared/explanation.ts';
import { summaryOf } from '../../shared/observation.ts';
import type { Refusal } from '../../shared/refusal.ts';
import { Trail } from '../trail.ts';

interface Entered {
  readonly name: string;
  readonly atMillis: number;
  readonly observedBefore: number;
}

/** What an explanation leaves out, and why. */
const LEFT_OUT: Partial<Record<AccessStep, string>> = {
  proxyUpstream: 'an explanation does not call the server',
  settleSpend: 'an explanation settles nothing',
  recordUsage: 'an explanation leaves no record',
};

export class StepTrace extends Trail {
  readonly #clock: Clock;
  readonly #entered: Entered[] = [];

  constructor(clock: Clock) {
    super();
    this.#clock = clock;
  }

  override at<Step extends { readonly name: string }>(step: Step): Step {
    this.#entered.push({ name: step.name, atMillis: this.#clock.elapsed(), observedBefore: this.observed.length });
    return super.at(step);
  }

  /** All steps in their order: those that ran, and those that were not reached. */
  steps(refusal: Refusal | undefined): ExplainedStep[] {
    const endMillis = this.#clock.elapsed();
    const ran = this.#entered.map(({ name, atMillis, observedBefore }, index) => {
      const next = this.#entered[index + 1];
      return {
        name,
        durationMicros: Math.round(((next?.atMillis ?? endMillis) - atMillis) * 1000),
        observed: this.observed.slice(observedBefore, next?.observedBefore),
      };
    });
    return ACCESS_STEPS.map((name) => {
      const found = ran.find((step) => step.name === name);
      if (found === undefined) return this.#notRun(name, refusal);
      const { durationMicros, observed } = found;
      if (refusal !== undefined && name === this.step) return { name, outcome: 'DENY', ...wordsOf(refusal), durationMicros };
      if (observed.length > 0) return { ...UNREACHED, name, outcome: 'OBSERVE', ...summaryOf(observed), durationMicros };
      return { ...UNREACHED, name, outcome: 'PASS', durationMicros };
    });
  }

  /** What charges a request that was refused runs by itself, and tells only when it refuses it once more. */
  #notRun(name: AccessStep, refusal: Refusal | undefined): ExplainedStep {
    if (refusal === undefined) return { ...UNREACHED, name, detail: LEFT_OUT[name] ?? null };
    const isCharged = name === 'reconcileRateLimit' && CHARGED_ON_THE_WAY_OUT.has(this.step);
    return { ...UNREACHED, name, outcome: isCharged ? 'PASS' : 'SKIPPED' };
  }
}

const UNREACHED: Omit<ExplainedStep, 'name'> = { outcome: 'SKIPPED', reason: null, detail: null, rule: null, durationMicros: null };

function wordsOf({ code, reason, message, facts }: Refusal): Pick<ExplainedStep, 'reason' | 'detail' | 'rule'> {
  return { reason: `${code}/${reason}`, detail: message, rule: facts.rule ?? null };
}
