/** Writes what the admit script is asked. */
import type { Admission, HoldCheck, LeaseCheck, RateCheck } from './counters.ts';

/** The values of one call of `scripts/admit.lua`, which says what they are. Checks that several requests share, as those of one key do, are written once. */
export function admitValues(openMillis: string, admissions: readonly Admission[]): string[] {
  const planned: Admission[] = [];
  const intents: string[] = [];
  const amounts: string[] = [];
  const values = [openMillis, String(admissions.length)];
  for (const admission of admissions) {
    let index = planned.findIndex((other) => sharesChecks(admission, other));
    if (index === -1) index = planned.push(admission) - 1;
    values.push(admission.requestId);
    intents.push(admission.intent ?? '');
    amounts.push(admission.heldAmounts.length === 0 ? `${index + 1}` : `${index + 1} ${admission.heldAmounts.join(' ')}`);
  }
  values.push(...intents, ...amounts);
  for (const { rates, leases, holds } of planned) values.push(planJson(rates, leases, holds));
  return values;
}

function sharesChecks(one: Admission, other: Admission): boolean {
  return one.rates === other.rates && one.leases === other.leases && one.holds === other.holds;
}

const known = new WeakMap<readonly RateCheck[], WeakMap<readonly LeaseCheck[], WeakMap<readonly HoldCheck[], string>>>();

/** The lists of a key and server are the same objects from call to call. */
function planJson(rates: readonly RateCheck[], leases: readonly LeaseCheck[], holds: readonly HoldCheck[]): string {
  let byLeases = known.get(rates);
  if (byLeases === undefined) known.set(rates, (byLeases = new WeakMap()));
  let byHolds = byLeases.get(leases);
  if (byHolds === undefined) byLeases.set(leases, (byHolds = new WeakMap()));
  let json = byHolds.get(holds);
  if (json === undefined) byHolds.set(holds, (json = writePlan(rates, leases, holds)));
  return json;
}

function writePlan(rates: readonly RateCheck[], leases: readonly LeaseCheck[], holds: readonly HoldCheck[]): string {
  const held = [...leases, ...holds].map(({ key }) => key);
  // The two kinds of rate are counted differently, and a policy may turn from one into the other.
  const rateKeys = rates.map(({ key, burst }) => (burst === undefined ? key : `${key}:pace`));
  const numbers = [
    ...rates.flatMap(({ limit, windowMillis, burst }) => [limit, windowMillis, burst ?? -1]),
    ...leases.flatMap(({ max, ttlMillis }) => [max, ttlMillis]),
    ...holds.flatMap(({ limit, observe, expireAtMillis }) => [limit, observe ? 1 : 0, expireAtMillis]),
  ];
  return JSON.stringify([[...rateKeys, ...held], [leases.length, ...held].join(' '), rates.length, leases.length, holds.length, numbers]);
}
