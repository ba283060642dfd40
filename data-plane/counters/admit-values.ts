/** Writes what the scripts that hold are asked. */
import type { Admission, Extension, HoldCheck, LeaseCheck, LoopCheck, OpenRequest, RateCheck } from './counters.ts';

/** The checks of an admission as the scripts read them. */
interface WrittenPlan {
  readonly json: string;
  /** "leases lease… window…": what a reaper gives back. */
  readonly held: string;
}

/** The values of one call of `scripts/admit.lua`, which says what they are. Checks that several requests share, as those of one key do, are written once. */
export function admitValues(openMillis: string, admissions: readonly Admission[]): string[] {
  const planned: Admission[] = [];
  const plans: WrittenPlan[] = [];
  const intents: string[] = [];
  const amounts: string[] = [];
  const values = [openMillis, String(admissions.length)];
  for (const admission of admissions) {
    let index = planned.findIndex((other) => sharesChecks(admission, other));
    if (index === -1) index = planned.push(admission) - 1;
    const plan = (plans[index] ??= planOf(admission));
    values.push(admission.requestId);
    intents.push(admission.intent === undefined ? '' : intentLines(plan, admission.heldAmounts, admission.intent));
    amounts.push(`${index + 1} ${admission.heldAmounts.join(' ')}`);
  }
  values.push(...intents, ...amounts);
  for (const { json } of plans) values.push(json);
  return values;
}

/** The values of `scripts/extend.lua`, which says what they are. */
export function extendValues(admission: Admission, { heldAmounts, intent }: Extension): string[] {
  const beyond = beyondOf(admission, heldAmounts);
  const windows = admission.holds.flatMap(({ key, previousKey, limit, observe }, index) => [
    key,
    previousKey ?? '',
    String(limit),
    observe ? '1' : '0',
    String(beyond[index] ?? 0),
  ]);
  return [admission.requestId, intentLines(planOf(admission), heldAmounts, intent), ...windows];
}

/** A request as `scripts/reopen.lua` takes it: what it holds beyond its admission stands in its trace, as if it had been added there. */
export function reopenValues({ admission, held }: OpenRequest): string[] {
  const beyond = beyondOf(admission, held.heldAmounts);
  const extra = beyond.some((amount) => amount > 0) ? `\n${beyond.map((amount, index) => `${amount} ${admission.holds[index]?.key}`).join(' ')}\n` : '';
  return [admission.requestId, `ok${extra}`, intentLines(planOf(admission), held.heldAmounts, held.intent)];
}

function beyondOf(admission: Admission, heldAmounts: readonly number[]): number[] {
  return heldAmounts.map((amount, index) => Math.max(0, amount - (admission.heldAmounts[index] ?? 0)));
}

function intentLines({ held }: WrittenPlan, heldAmounts: readonly number[], intent: string): string {
  return `${held}\n${heldAmounts.join(' ')}\n${intent}`;
}

function sharesChecks(one: Admission, other: Admission): boolean {
  return one.rates === other.rates && one.leases === other.leases && one.holds === other.holds && one.loops === other.loops;
}

const known = new WeakMap<readonly RateCheck[], WeakMap<readonly LeaseCheck[], WeakMap<readonly HoldCheck[], WrittenPlan>>>();

/** The lists of a key and server are the same objects from call to call. */
function planOf({ rates, leases, loops, holds }: Admission): WrittenPlan {
  // What is looked for in loops is each request's own.
  if (loops !== undefined) return writePlan({ rates, leases, loops, holds });
  let byLeases = known.get(rates);
  if (byLeases === undefined) known.set(rates, (byLeases = new WeakMap()));
  let byHolds = byLeases.get(leases);
  if (byHolds === undefined) byLeases.set(leases, (byHolds = new WeakMap()));
  let plan = byHolds.get(holds);
  if (plan === undefined) byHolds.set(holds, (plan = writePlan({ rates, leases, loops: [], holds })));
  return plan;
}

function writePlan({ rates, leases, loops, holds }: Pick<Admission, 'rates' | 'leases' | 'holds'> & { readonly loops: readonly LoopCheck[] }): WrittenPlan {
  const heldKeys = [...leases, ...holds].map(({ key }) => key);
  // The two kinds of rate are counted differently, and a policy may turn from one into the other.
  const rateKeys = rates.map(({ key, burst }) => (burst === undefined ? key : `${key}:pace`));
  const names = [...rateKeys, ...heldKeys, ...loops.map(({ key }) => key), ...holds.flatMap(({ previousKey }) => previousKey ?? [])];
  // Lua counts from 1.
  const placeOf = (key: string | undefined) => (key === undefined ? 0 : names.indexOf(key) + 1);
  const numbers = [
    ...rates.flatMap(({ limit, windowMillis, burst }) => [limit, windowMillis, burst ?? -1]),
    ...leases.flatMap(({ max, ttlMillis }) => [max, ttlMillis]),
    ...holds.flatMap(({ limit, observe, expireAtMillis, previousKey }) => [limit, observe ? 1 : 0, expireAtMillis, placeOf(previousKey)]),
  ];
  return {
    json: JSON.stringify([names, rates.length, leases.length, holds.length, numbers, ...watchOf(rates, leases, loops)]),
    held: [leases.length, ...heldKeys].join(' '),
  };
}

/** What most plans do not have: checks that only observe, by their places, and loops. */
function watchOf(rates: readonly RateCheck[], leases: readonly LeaseCheck[], loops: readonly LoopCheck[]): unknown[] {
  const observed = [placesObserved(rates), placesObserved(leases)];
  if (loops.length === 0 && observed.every((places) => places.length === 0)) return [];
  return [[...observed, loops.map(({ kind, max, windowMillis, observe, calls, items }) => [kind, max, windowMillis, observe, calls, items])]];
}

function placesObserved(checks: readonly { readonly observe?: boolean }[]): number[] {
  return checks.flatMap(({ observe }, index) => (observe === true ? [index + 1] : []));
}
