/** Gathers the admissions of one turn of the event loop, and asks for all of an organisation's in one call. */
import { z } from 'zod';
import { CountersUnavailable, type Admission, type AdmissionAnswer, type HoldCheck, type LeaseCheck, type RateCheck } from './counters.ts';
import { keysOf } from './redis-keys.ts';
import type { RedisLink } from './redis-link.ts';
import type { RedisScripts } from './redis-scripts.ts';
import type { TurnEnd } from './turn-end.ts';

interface Waiting {
  readonly admission: Admission;
  readonly resolve: (answer: AdmissionAnswer) => void;
  readonly reject: (error: Error) => void;
}

const BATCH_MAX = 64;
const answersSchema = z.array(z.string());

export class AdmissionBatches {
  readonly #link: RedisLink;
  readonly #scripts: RedisScripts;
  readonly #turnEnd: TurnEnd;
  readonly #openMillis: string;
  #waiting = new Map<string, Waiting[]>();

  constructor(link: RedisLink, scripts: RedisScripts, turnEnd: TurnEnd, openMillis: number) {
    this.#link = link;
    this.#scripts = scripts;
    this.#turnEnd = turnEnd;
    this.#openMillis = String(openMillis);
    turnEnd.add(() => this.#flush());
  }

  ask(admission: Admission): Promise<AdmissionAnswer> {
    if (!this.#link.isAvailable) return Promise.reject(new CountersUnavailable('Redis does not answer'));
    return new Promise((resolve, reject) => {
      const { organisationId } = admission;
      const waiting = this.#waiting.get(organisationId);
      if (waiting === undefined) this.#waiting.set(organisationId, [{ admission, resolve, reject }]);
      else waiting.push({ admission, resolve, reject });
      this.#turnEnd.schedule();
    });
  }

  #flush(): void {
    if (this.#waiting.size === 0) return;
    const waiting = this.#waiting;
    this.#waiting = new Map();
    for (const [organisationId, all] of waiting) {
      for (let from = 0; from < all.length; from += BATCH_MAX) void this.#send(organisationId, all.slice(from, from + BATCH_MAX));
    }
  }

  async #send(organisationId: string, batch: readonly Waiting[]): Promise<void> {
    try {
      const answers = answersSchema.parse(await this.#judge(organisationId, batch));
      for (const [index, { resolve }] of batch.entries()) resolve(readAnswer(answers[index] ?? ''));
    } catch (cause) {
      this.#link.lost(cause);
      for (const { reject } of batch) reject(new CountersUnavailable('Redis does not answer', { cause }));
    }
  }

  /** A reply that did not come means that nobody knows: the same request ids are asked once more, which counts nothing twice. */
  async #judge(organisationId: string, batch: readonly Waiting[]): Promise<unknown> {
    const { open, counts } = keysOf(organisationId);
    const keys = [open, counts];
    const values = valuesOf(this.#openMillis, batch);
    try {
      return await this.#scripts.run('admit', keys, values);
    } catch (error) {
      if (!(error instanceof Error) || error.message !== 'Command timed out') throw error;
      return this.#scripts.run('admit', keys, values);
    }
  }
}

/** Checks that several requests share, as those of one key do, are written once; `scripts/admit.lua` says how. */
function valuesOf(openMillis: string, batch: readonly Waiting[]): string[] {
  const planned: Admission[] = [];
  const intents: string[] = [];
  const amounts: string[] = [];
  const values = [openMillis, String(batch.length)];
  for (const { admission } of batch) {
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

const ADMITTED: AdmissionAnswer = { kind: 'admitted', observedHolds: [] };

function readAnswer(text: string): AdmissionAnswer {
  if (text === 'ok') return ADMITTED;
  const [check = '', first = '', used = '', reserved = '', wait = ''] = text.split(':');
  if (check === 'ok') return { kind: 'admitted', observedHolds: first.split(',').map(Number) };
  if (check !== 'rate' && check !== 'lease' && check !== 'hold') throw new Error(`the admit script answered ${text}`);
  return { kind: 'refused', check, index: Number(first), used: Number(used), reserved: Number(reserved), retryAfterMillis: Number(wait) };
}
