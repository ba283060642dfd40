/** Works out for how many calls room is asked at once. */
import type { Admission, AdmissionAnswer, AheadTerms } from './counters.ts';

/** What is asked of the store for so many calls at once. */
export interface Wanted {
  readonly admission: Admission;
  readonly calls: number;
}

export function wantedOf(admission: Admission, terms: AheadTerms, calls: number): Wanted {
  const heldAmounts = admission.heldAmounts.map((amount) => amount * calls);
  return { admission: { ...admission, heldAmounts, intent: terms.intentFor(heldAmounts) }, calls };
}

/** No more than the limits could ever have room for. */
export function callsWithin({ holds, heldAmounts }: Admission, calls: number): number {
  return Math.min(calls, ...holds.map(({ limit }, index) => callsIn(limit, heldAmounts[index])));
}

/** Half of what is left in the window that refused: the rest is for other nodes. */
export function callsLeft({ holds, heldAmounts }: Admission, answer: Extract<AdmissionAnswer, { kind: 'refused' }>): number {
  const { index, used, reserved, carriedOver } = answer;
  const left = (holds[index]?.limit ?? 0) + carriedOver - used - reserved;
  return callsIn(left / 2, heldAmounts[index]);
}

function callsIn(room: number, amount = 0): number {
  return amount === 0 ? Infinity : Math.floor(room / amount);
}
