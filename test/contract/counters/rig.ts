/** The counters under test, and the short ways in which their contract asks them. */
import { expect } from 'vitest';
import type { Admission, AdmissionAnswer, Counters, HoldCheck, LoopCheck, RateCheck } from '../../../data-plane/counters/counters.ts';
import { newId } from '../../../shared/ids.ts';
import type { UsageSource } from '../../../shared/usage-event.ts';

export interface CountersRig {
  readonly counters: Counters;
  /** Where settled and recorded events come out. */
  readonly source: UsageSource;
  /** The time by which the counters judge, in milliseconds. */
  now(): number;
  /** Lets that time go on by at least this much. */
  pass(millis: number): Promise<void>;
  close(): Promise<void>;
}

const LATER = 4_102_444_800_000;

/** Those that the suite runs over at the moment. */
export let rig: CountersRig;
export let organisationId: string;

export function useRig(opened: CountersRig): void {
  rig = opened;
  organisationId = newId('organisation');
}

export const rate = (given: Partial<RateCheck>): RateCheck => ({ key: newId('policy'), limit: 1, windowMillis: 60_000, burst: undefined, ...given });

export const loop = (given: Partial<LoopCheck>): LoopCheck => ({
  kind: 'repeated_calls',
  key: newId('policy'),
  max: 1,
  windowMillis: 60_000,
  observe: false,
  calls: 1,
  items: [],
  ...given,
});

/** What an admission holds in one window. */
export interface Hold extends HoldCheck {
  readonly amount: number;
}

export const hold = (given: Partial<Hold>): Hold => ({
  key: newId('limit'),
  previousKey: undefined,
  amount: 1,
  limit: 1_000_000,
  observe: false,
  expireAtMillis: LATER,
  ...given,
});

export type Asked = Partial<Omit<Admission, 'holds' | 'heldAmounts'>> & { readonly holds?: readonly Hold[] };

export function admission({ holds = [], ...given }: Asked): Admission {
  const requestId = newId('usageRecord');
  return { organisationId, requestId, rates: [], leases: [], holds, heldAmounts: holds.map(({ amount }) => amount), intent: `lost ${requestId}`, ...given };
}

export function ask(given: Asked): Promise<AdmissionAnswer> {
  return rig.counters.admit(admission(given));
}

export async function admitted(wanted: Hold): Promise<Admission> {
  const asked = admission({ holds: [wanted] });
  expect(await rig.counters.admit(asked)).toMatchObject({ kind: 'admitted' });
  return asked;
}

export function settle(asked: Admission | undefined, amounts: readonly number[] = []): void {
  if (asked !== undefined) rig.counters.settle({ admission: asked, amounts, event: '' });
}

export function isAdmitted(answer: AdmissionAnswer): boolean {
  return answer.kind === 'admitted';
}

export function refusalIn(answers: readonly AdmissionAnswer[]): Extract<AdmissionAnswer, { kind: 'refused' }> {
  const refusal = answers.find((answer) => answer.kind === 'refused');
  if (refusal === undefined) throw new Error('nothing was refused');
  return refusal;
}

/** Asks for more than any limit has, so that the refusal tells the counts. */
export async function countsOf(key: string): Promise<{ used: number; reserved: number }> {
  const { used, reserved } = refusalIn([await ask({ holds: [hold({ key, amount: 1, limit: -1 })] })]);
  return { used, reserved };
}

/** Resolves when everything that was settled counts; in memory that is known once the events are taken. */
export async function settled(): Promise<void> {
  const over = new AbortController();
  const flushed = rig.counters.flushed().finally(() => over.abort());
  while (!over.signal.aborted) await rig.source.acknowledge(await rig.source.read(100, 10));
  await flushed;
}

export async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await rig.pass(1);
}
