/** Gathers the admissions of one turn of the event loop, and asks for all of an organisation's in one call. */
import { z } from 'zod';
import { admitValues } from './admit-values.ts';
import { CountersRebuilding, CountersUnavailable, type Admission, type AdmissionAnswer, type ObservedCheck } from './counters.ts';
import type { Epochs } from './epochs.ts';
import { keysOf } from './redis-keys.ts';
import type { RedisLink } from './redis-link.ts';
import { REBUILD, type RedisScripts } from './redis-scripts.ts';
import { countKeys, KEYS_MAX } from './script-size.ts';
import type { SettlementOutbox } from './settlement-outbox.ts';

interface Waiting {
  readonly admission: Admission;
  readonly resolve: (answer: AdmissionAnswer) => void;
  readonly reject: (error: Error) => void;
}

export interface AdmissionBatchesParts {
  readonly link: RedisLink;
  readonly scripts: RedisScripts;
  readonly outbox: SettlementOutbox;
  readonly epochs: Epochs;
  readonly openMillis: number;
}

/** Undefined for a request that holds in windows which are closed. */
type Judgement = AdmissionAnswer | undefined;

const BATCH_MAX = 64;
const answersSchema = z.array(z.string());

export class AdmissionBatches {
  readonly #link: RedisLink;
  readonly #scripts: RedisScripts;
  readonly #outbox: SettlementOutbox;
  readonly #epochs: Epochs;
  readonly #openMillis: string;
  #waiting = new Map<string, Waiting[]>();

  constructor({ link, scripts, outbox, epochs, openMillis }: AdmissionBatchesParts) {
    this.#link = link;
    this.#scripts = scripts;
    this.#outbox = outbox;
    this.#epochs = epochs;
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
      for (const batch of batchesOf(all)) void this.#send(organisationId, batch);
    }
  }

  async #send(organisationId: string, batch: readonly Waiting[]): Promise<void> {
    try {
      const owed = this.#outbox.owes(organisationId);
      const answers = await this.#judge(
        organisationId,
        batch.map(({ admission }) => admission),
      );
      const full: Waiting[] = [];
      for (const [index, answer] of answers.entries()) {
        const waiting = batch[index];
        if (waiting === undefined) continue;
        if (answer === undefined) void this.#askWhenOpen(waiting);
        else if (owed && couldFit(answer)) full.push(waiting);
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
    const answers = await this.#judge(
      organisationId,
      batch.map(({ admission }) => admission),
    );
    for (const [index, answer] of answers.entries()) {
      const waiting = batch[index];
      if (waiting === undefined) continue;
      if (answer === undefined) void this.#askWhenOpen(waiting);
      else waiting.resolve(answer);
    }
  }

  /** What only observes waits for nothing. */
  async #askWhenOpen({ admission, resolve, reject }: Waiting): Promise<void> {
    const { organisationId, holds } = admission;
    try {
      const opened = this.#epochs.openedSoon(organisationId);
      const isOpen = holds.some(({ observe }) => !observe) && (await opened);
      const [answer] = isOpen ? await this.#judge(organisationId, [admission]) : [];
      if (answer === undefined) reject(new CountersRebuilding('what was counted in windows is being counted again'));
      else resolve(answer);
    } catch (cause) {
      this.#link.lost(cause);
      reject(new CountersUnavailable('Redis does not answer', { cause }));
    }
  }

  /** Answers in the order of the batch. */
  async #judge(organisationId: string, admissions: readonly Admission[]): Promise<readonly Judgement[]> {
    const { open, intents, counts } = keysOf(organisationId);
    const keys = [open, intents, counts];
    const values = [...this.#epochs.valuesFor(organisationId), ...admitValues(this.#openMillis, admissions)];
    const [...answers] = answersSchema.parse(await this.#scripts.runSurely('admit', keys, values));
    if (answers.length === admissions.length + 1) this.#epochs.learn(organisationId, Number(answers.pop()));
    if (answers.length !== admissions.length) throw new Error(`the admit script answered ${answers.length} of ${admissions.length} admissions`);
    return answers.map((text) => (text === REBUILD ? undefined : readAnswer(text)));
  }
}

/** In their order. */
function* batchesOf(all: readonly Waiting[]): Generator<readonly Waiting[]> {
  let [from, keys] = [0, 0];
  for (const [index, { admission }] of all.entries()) {
    const added = countKeys(admission);
    if (index > from && (index - from === BATCH_MAX || keys + added > KEYS_MAX)) {
      yield all.slice(from, index);
      [from, keys] = [index, 0];
    }
    keys += added;
  }
  yield all.slice(from);
}

/** Rates are used up by calls that have ended, and so are loops; leases and holds are not. */
function couldFit(answer: AdmissionAnswer): boolean {
  return answer.kind === 'refused' && answer.check !== 'rate' && answer.check !== 'loop';
}

const ADMITTED: AdmissionAnswer = { kind: 'admitted', observedHolds: [] };

/** Reads what a script answers to one request. */
export function readAnswer(text: string): AdmissionAnswer {
  if (text === 'ok') return ADMITTED;
  const [check = '', first = '', used = '', reserved = '', wait = '', carried = ''] = text.split(':');
  if (check === 'ok') return readObserved(first.split(','));
  if (check !== 'rate' && check !== 'lease' && check !== 'loop' && check !== 'hold') throw new Error(`the admit script answered ${text}`);
  const counts = { used: Number(used), reserved: Number(reserved), carriedOver: Number(carried) };
  return { kind: 'refused', check, index: Number(first), ...counts, retryAfterMillis: Number(wait) };
}

const OBSERVED_CHECKS: Readonly<Record<string, ObservedCheck['check']>> = { r: 'rate', l: 'lease', b: 'loop' };

/** Windows are told by their index alone, the others with a letter in front. */
function readObserved(told: readonly string[]): AdmissionAnswer {
  const observedChecks = told.flatMap((text): ObservedCheck[] => {
    const check = OBSERVED_CHECKS[text.charAt(0)];
    return check === undefined ? [] : [{ check, index: Number(text.slice(1)) }];
  });
  const observedHolds = told.filter((text) => /^\d/.test(text)).map(Number);
  return { kind: 'admitted', observedHolds, ...(observedChecks.length === 0 ? {} : { observedChecks }) };
}
