/** Gathers the admissions of one turn of the event loop, and asks for all of an organisation's in one call. */
import { z } from 'zod';
import { CountersUnavailable, type Admission, type AdmissionAnswer } from './counters.ts';
import type { RedisLink } from './redis-link.ts';
import type { RedisScripts } from './redis-scripts.ts';

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
  readonly #intentLifetime: string;
  #waiting = new Map<string, Waiting[]>();
  #isScheduled = false;

  constructor(link: RedisLink, scripts: RedisScripts, intentLifetimeMillis: number) {
    this.#link = link;
    this.#scripts = scripts;
    this.#intentLifetime = String(intentLifetimeMillis);
  }

  ask(admission: Admission): Promise<AdmissionAnswer> {
    if (!this.#link.isAvailable) return Promise.reject(new CountersUnavailable('Redis does not answer'));
    return new Promise((resolve, reject) => {
      const { organisationId } = admission;
      const waiting = this.#waiting.get(organisationId);
      if (waiting === undefined) this.#waiting.set(organisationId, [{ admission, resolve, reject }]);
      else waiting.push({ admission, resolve, reject });
      if (this.#isScheduled) return;
      this.#isScheduled = true;
      // After all sockets of this turn have been read, so that what arrived together leaves together.
      setImmediate(() => this.#flush());
    });
  }

  #flush(): void {
    this.#isScheduled = false;
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
    const keys = [`{${organisationId}}:intents`];
    const values = valuesOf(organisationId, batch, this.#intentLifetime);
    try {
      return await this.#scripts.run('admit', keys, values);
    } catch (error) {
      if (!(error instanceof Error) || error.message !== 'Command timed out') throw error;
      return this.#scripts.run('admit', keys, values);
    }
  }
}

/** Rates and leases that several requests share, as those of one key do, are written once. */
function valuesOf(organisationId: string, batch: readonly Waiting[], intentLifetime: string): string[] {
  const planned: Admission[] = [];
  const ids: string[] = [];
  const planValues: string[] = [];
  const values: string[] = [];
  for (const { admission } of batch) {
    // The lists of a key and server are the same objects from call to call, so telling them apart costs nothing.
    let index = planned.findIndex(({ rates, leases }) => rates === admission.rates && leases === admission.leases);
    if (index === -1) {
      index = planned.push(admission) - 1;
      writePlan(planValues, admission);
    }
    ids.push(admission.requestId);
    values.push(admission.intent ?? '', String(index + 1), String(admission.holds.length));
    for (const hold of admission.holds) values.push(hold.key, String(hold.amount), String(hold.limit), hold.observe ? '1' : '0', String(hold.expireAtMillis));
  }
  return [`{${organisationId}}:`, intentLifetime, String(batch.length), ...ids, String(planned.length), ...planValues, ...values];
}

function writePlan(values: string[], admission: Admission): void {
  values.push(String(admission.rates.length));
  for (const { key, limit, windowMillis, burst } of admission.rates) values.push(key, String(limit), String(windowMillis), String(burst ?? -1));
  values.push(String(admission.leases.length));
  for (const { key, max, ttlMillis } of admission.leases) values.push(key, String(max), String(ttlMillis));
}

const ADMITTED: AdmissionAnswer = { kind: 'admitted', observedHolds: [] };

function readAnswer(text: string): AdmissionAnswer {
  if (text === 'ok') return ADMITTED;
  const [check = '', first = '', used = '', reserved = '', wait = ''] = text.split(':');
  if (check === 'ok') return { kind: 'admitted', observedHolds: first.split(',').map(Number) };
  if (check !== 'rate' && check !== 'lease' && check !== 'hold') throw new Error(`the admit script answered ${text}`);
  return { kind: 'refused', check, index: Number(first), used: Number(used), reserved: Number(reserved), retryAfterMillis: Number(wait) };
}
