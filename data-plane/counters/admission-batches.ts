/** Gathers the admissions of one turn of the event loop, and asks for all of an organisation's in one call. */
import { z } from 'zod';
import { admitValues } from './admit-values.ts';
import { CountersUnavailable, type Admission, type AdmissionAnswer } from './counters.ts';
import { isTimeout } from './patient-redis.ts';
import { keysOf } from './redis-keys.ts';
import type { RedisLink } from './redis-link.ts';
import type { RedisScripts } from './redis-scripts.ts';
import type { SettlementOutbox } from './settlement-outbox.ts';

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
  readonly #outbox: SettlementOutbox;
  readonly #openMillis: string;
  #waiting = new Map<string, Waiting[]>();

  constructor(link: RedisLink, scripts: RedisScripts, outbox: SettlementOutbox, openMillis: number) {
    this.#link = link;
    this.#scripts = scripts;
    this.#outbox = outbox;
    this.#openMillis = String(openMillis);
  }

  ask(admission: Admission): Promise<AdmissionAnswer> {
    if (!this.#link.isAvailable) return Promise.reject(new CountersUnavailable('Redis does not answer'));
    return new Promise((resolve, reject) => {
      const { organisationId } = admission;
      const waiting = this.#waiting.get(organisationId);
      // At the end of the turn all sockets have been read, so what arrived together leaves together.
      if (this.#waiting.size === 0) setImmediate(() => this.#flush());
      if (waiting === undefined) this.#waiting.set(organisationId, [{ admission, resolve, reject }]);
      else waiting.push({ admission, resolve, reject });
    });
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = new Map();
    for (const [organisationId, all] of waiting) {
      for (let from = 0; from < all.length; from += BATCH_MAX) void this.#send(organisationId, all.slice(from, from + BATCH_MAX));
    }
  }

  async #send(organisationId: string, batch: readonly Waiting[]): Promise<void> {
    try {
      const owed = this.#outbox.owes(organisationId);
      const answers = await this.#judge(organisationId, batch);
      const full: Waiting[] = [];
      for (const [index, answer] of answers.entries()) {
        const waiting = batch[index];
        if (waiting === undefined) continue;
        if (owed && couldFit(answer)) full.push(waiting);
        else waiting.resolve(answer);
      }
      if (full.length > 0) await this.#sendAgain(organisationId, full);
    } catch (cause) {
      this.#link.lost(cause);
      for (const { reject } of batch) reject(new CountersUnavailable('Redis does not answer', { cause }));
    }
  }

  /** Calls that have ended make room for those that come after them, also when Redis had not heard of it. */
  async #sendAgain(organisationId: string, batch: readonly Waiting[]): Promise<void> {
    await this.#outbox.paid(organisationId);
    const answers = await this.#judge(organisationId, batch);
    for (const [index, answer] of answers.entries()) batch[index]?.resolve(answer);
  }

  /** Answers in the order of the batch. A reply that did not come means that nobody knows: the same request ids are asked once more, which counts nothing twice. */
  async #judge(organisationId: string, batch: readonly Waiting[]): Promise<readonly AdmissionAnswer[]> {
    const { open, intents, counts } = keysOf(organisationId);
    const keys = [open, intents, counts];
    const admissions = batch.map(({ admission }) => admission);
    const values = admitValues(this.#openMillis, admissions);
    try {
      return readAnswers(await this.#scripts.run('admit', keys, values), admissions);
    } catch (error) {
      if (!isTimeout(error)) throw error;
      return readAnswers(await this.#scripts.run('admit', keys, values), admissions);
    }
  }
}

/** Rates are used up by calls that have ended; leases and holds are not. */
function couldFit(answer: AdmissionAnswer): boolean {
  return answer.kind === 'refused' && answer.check !== 'rate';
}

const ADMITTED: AdmissionAnswer = { kind: 'admitted', observedHolds: [] };

function readAnswers(reply: unknown, admissions: readonly Admission[]): readonly AdmissionAnswer[] {
  const answers = answersSchema.parse(reply);
  if (answers.length !== admissions.length) throw new Error(`the admit script answered ${answers.length} of ${admissions.length} admissions`);
  return answers.map(readAnswer);
}

function readAnswer(text: string): AdmissionAnswer {
  if (text === 'ok') return ADMITTED;
  const [check = '', first = '', used = '', reserved = '', wait = '', carried = ''] = text.split(':');
  if (check === 'ok') return { kind: 'admitted', observedHolds: first.split(',').map(Number) };
  if (check !== 'rate' && check !== 'lease' && check !== 'hold') throw new Error(`the admit script answered ${text}`);
  const counts = { used: Number(used), reserved: Number(reserved), carriedOver: Number(carried) };
  return { kind: 'refused', check, index: Number(first), ...counts, retryAfterMillis: Number(wait) };
}
