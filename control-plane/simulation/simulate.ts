/** Judges recorded calls by a draft, in the order in which they came, and says which of them would have ended otherwise. */
import { ACCESS_STEPS, CHARGED_ON_THE_WAY_OUT, orderOfStep } from '../../shared/access-steps.ts';
import type { Draft, DraftCheck, Judgement, Objection } from './draft.ts';
import type { RecordedCall } from './recorded-calls.ts';

export interface Ending {
  readonly decision: RecordedCall['decision'];
  /** As `code/reason`; null for a call that was let through. */
  readonly reason: string | null;
}

export interface ChangedCall {
  readonly call: RecordedCall;
  readonly before: Ending;
  readonly after: Ending;
  /** Where in the draft the deciding rule stands; null for a call that it lets through. */
  readonly path: string | null;
}

export interface Simulated {
  readonly judged: number;
  /** Calls of which the records do not say enough. */
  readonly unknown: number;
  readonly changed: readonly ChangedCall[];
}

const FORWARDED = orderOfStep('proxyUpstream');
const HELD = orderOfStep('reserveSpend');

/** Calls before `fromMillis` are only counted. */
export function simulate(calls: readonly RecordedCall[], draft: Draft, fromMillis: number): Simulated {
  let [judged, unknown] = [0, 0];
  const changed: ChangedCall[] = [];
  for (const call of calls) {
    const verdict = judgeCall(call, draft);
    if (call.occurred_at.getTime() < fromMillis) continue;
    judged++;
    if (verdict === 'unknown') unknown++;
    else if (verdict !== undefined) changed.push(verdict);
  }
  return { judged, unknown, changed };
}

/** Undefined for a call that ends as it did. */
function judgeCall(call: RecordedCall, draft: Draft): ChangedCall | 'unknown' | undefined {
  // Records that do not name the step cannot tell whether the draft would have been asked.
  if (call.decision === 'DENIED' && call.step === null) return 'unknown';
  const isFreed = call.decision === 'DENIED' && draft.replaces(call);
  const asked = draft.checks.filter((check) => isAsked(check, call, isFreed));
  const judgements = asked.map((check) => ({ check, judgement: check.judge(call) }));
  const decisive = judgements.find((one): one is Objecting => isObjection(one.judgement));
  if (decisive === undefined || decisive.check.step > HELD) for (const { check } of judgements) check.take?.(call);
  if (decisive === undefined && judgements.some(({ judgement }) => judgement === 'unknown')) return 'unknown';
  const before: Ending = { decision: call.decision, reason: call.code === null ? null : `${call.code}/${call.reason}` };
  const after = decisive === undefined ? (isFreed ? LET_THROUGH : before) : endingBy(decisive);
  if (after.decision === before.decision && after.reason === before.reason) return undefined;
  return { call, before, after, path: decisive?.judgement.path ?? null };
}

interface Objecting {
  readonly check: DraftCheck;
  readonly judgement: Objection;
}

const LET_THROUGH: Ending = { decision: 'ALLOWED', reason: null };

function isObjection(judgement: Judgement): judgement is Objection {
  return typeof judgement === 'object';
}

/** A call that another rule refused before, or in the same step, is refused as it was. */
function isAsked(check: DraftCheck, call: RecordedCall, isFreed: boolean): boolean {
  if (isFreed || call.decision !== 'DENIED') return true;
  return check.step < (call.step ?? FORWARDED) || (check.isChargedAlways === true && CHARGED_ON_THE_WAY_OUT.has(ACCESS_STEPS[(call.step ?? 0) - 1] ?? ''));
}

/** What ends an answer on its way back is a failure and no denial. */
function endingBy({ check, judgement: { code, reason } }: Objecting): Ending {
  return { decision: check.step === FORWARDED ? 'ERRORED' : 'DENIED', reason: `${code}/${reason}` };
}
