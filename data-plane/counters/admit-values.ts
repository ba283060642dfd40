/** Writes what the admit script is asked. */
import type { Admission, HoldCheck, LeaseCheck, RateCheck } from './counters.ts';

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
    const heldAmounts = admission.heldAmounts.join(' ');
    values.push(admission.requestId);
    intents.push(admission.intent === undefined ? '' : `${plan.held}\n${heldAmounts}\n${admission.intent}`);
    amounts.push(`${index + 1} ${heldAmounts}`);
  }
  values.push(...intents, ...amounts);
  for (const { json } of plans) values.push(json);
  return values;
}

function sharesChecks(one: Admission, other: Admission): boolean {
  return one.rates === other.rates && one.leases === other.leases && one.holds === other.holds;
}

const known = new WeakMap<readonly RateCheck[], WeakMap<readonly LeaseCheck[], WeakMap<readonly HoldCheck[], WrittenPlan>>>();

/** The lists of a key and server are the same objects from call to call. */
function planOf({ rates, leases, holds }: Admission): WrittenPlan {
  let byLeases = known.get(rates);
  if (byLeases === undefined) known.set(rates, (byLeases = new WeakMap()));
  let byHolds = byLeases.get(leases);
  if (byHolds === undefined) byLeases.set(leases, (byHolds = new WeakMap()));
  let plan = byHolds.get(holds);
  if (plan === undefined) byHolds.set(holds, (plan = writePlan(rates, leases, holds)));
  return plan;
}

function writePlan(rates: readonly RateCheck[], leases: readonly LeaseCheck[], holds: readonly HoldCheck[]): WrittenPlan {
  const heldKeys = [...leases, ...holds].map(({ key }) => key);
  // The two kinds of rate are counted differently, and a policy may turn from one into the other.
  const rateKeys = rates.map(({ key, burst }) => (burst === undefined ? key : `${key}:pace`));
  const names = [...rateKeys, ...heldKeys, ...holds.flatMap(({ previousKey }) => previousKey ?? [])];
  // Lua counts from 1.
  const placeOf = (key: string | undefined) => (key === undefined ? 0 : names.indexOf(key) + 1);
  const numbers = [
    ...rates.flatMap(({ limit, windowMillis, burst }) => [limit, windowMillis, burst ?? -1]),
    ...leases.flatMap(({ max, ttlMillis }) => [max, ttlMillis]),
    ...holds.flatMap(({ limit, observe, expireAtMillis, previousKey }) => [limit, observe ? 1 : 0, expireAtMillis, placeOf(previousKey)]),
  ];
  return {
    json: JSON.stringify([names, rates.length, leases.length, holds.length, numbers]),
    held: [leases.length, ...heldKeys].join(' '),
  };
}
