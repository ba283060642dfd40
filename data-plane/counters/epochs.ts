/** Notices that Redis has lost what was counted in windows, tells it what is under way here, and knows when windows count again. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import { z } from 'zod';
import { GREETING_KEY, REBUILDS_KEY } from '../../shared/window-counts.ts';
import { reopenValues } from './admit-values.ts';
import type { OpenRequest } from './counters.ts';
import { keysOf } from './redis-keys.ts';
import type { RedisLink } from './redis-link.ts';
import type { RedisScripts } from './redis-scripts.ts';

const PATIENCE_MILLIS = 2000;
const POLL_MILLIS = 50;
/** Asked again this often: a request to rebuild may be lost with everything else. */
const POLLS_PER_REQUEST = 20;
const REOPEN_BATCH = 100;
const GENERATION_AT = 8;
const RUN_ID_AT = 16;
const greetingSchema = z.string();

export interface EpochsParts {
  readonly link: RedisLink;
  readonly scripts: RedisScripts;
  /** How long a request stays open unless it is renewed. */
  readonly openMillis: number;
  /** What this node has under way. */
  readonly openRequests: () => Iterable<OpenRequest>;
  readonly log: Logger;
}

interface Closed {
  readonly opened: Promise<boolean>;
  readonly since: number;
}

export class Epochs {
  readonly #link: RedisLink;
  readonly #scripts: RedisScripts;
  readonly #openRequests: () => Iterable<OpenRequest>;
  readonly #openMillis: string;
  readonly #log: Logger;
  /** The newest that this node has seen, by organisation. */
  readonly #generations = new Map<string, number>();
  readonly #closed = new Map<string, Closed>();
  #greeting: string | undefined;

  constructor({ link, scripts, openMillis, openRequests, log }: EpochsParts) {
    this.#link = link;
    this.#scripts = scripts;
    this.#openMillis = String(openMillis);
    this.#openRequests = openRequests;
    this.#log = log;
  }

  /** By which the scripts judge whether windows count (`scripts/epoch.lua`). */
  valuesFor(owner: string): [runId: string, generation: string] {
    return [this.#link.runId, String(this.#generations.get(owner) ?? 0)];
  }

  learn(owner: string, generation: number): void {
    this.#generations.set(owner, generation);
  }

  /** Resolves when windows of the organisation count again, with false when Redis does not answer instead. */
  opened(owner: string): Promise<boolean> {
    return this.#closedOf(owner).opened;
  }

  /** Whether they do before a call has waited too long; at once false when they do not for longer than that already. */
  async openedSoon(owner: string): Promise<boolean> {
    const { opened, since } = this.#closedOf(owner);
    const patienceMillis = since + PATIENCE_MILLIS - performance.now();
    if (patienceMillis <= 0) return false;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), patienceMillis);
    });
    const isOpened = await Promise.race([opened, late]);
    clearTimeout(timer);
    return isOpened;
  }

  /** Redis may be another one, or have lost its memory without having been away: then it is told what is under way here. Answers whether it was. */
  async greet(): Promise<boolean> {
    const greeting = greetingSchema.parse(await this.#scripts.run('greet', [GREETING_KEY], [this.#link.runId]));
    if (greeting === this.#greeting) return false;
    await this.#reopen(this.#openRequests());
    this.#greeting = greeting;
    return true;
  }

  #closedOf(owner: string): Closed {
    let closed = this.#closed.get(owner);
    if (closed === undefined) {
      closed = { opened: this.#untilOpen(owner).finally(() => this.#closed.delete(owner)), since: performance.now() };
      this.#closed.set(owner, closed);
    }
    return closed;
  }

  async #untilOpen(owner: string): Promise<boolean> {
    this.#log.info({ organisationId: owner }, 'windows do not count until the control plane has counted them');
    try {
      for (let poll = 0; !(await this.#isOpen(owner)); poll++) {
        if (poll % POLLS_PER_REQUEST === 0) await this.#askForRebuild(owner);
        await wait(POLL_MILLIS, undefined, { ref: false });
        if (!this.#link.isAvailable) return false;
      }
      return true;
    } catch (error) {
      this.#link.lost(error);
      return false;
    }
  }

  async #isOpen(owner: string): Promise<boolean> {
    const epoch = await this.#link.redis.hgetBuffer(keysOf(owner).counts, 'epoch');
    if (epoch === null || epoch.toString('latin1', RUN_ID_AT) !== this.#link.runId) return false;
    return Number(epoch.readBigInt64LE(GENERATION_AT)) >= (this.#generations.get(owner) ?? 0);
  }

  /** What is under way here comes first: it is part of what is to be counted. */
  async #askForRebuild(owner: string): Promise<void> {
    await this.#reopen([...this.#openRequests()].filter(({ admission }) => admission.organisationId === owner));
    await this.#link.redis.sadd(REBUILDS_KEY, owner);
  }

  /** All is sent at once: what ends meanwhile is settled behind it. */
  async #reopen(all: Iterable<OpenRequest>): Promise<void> {
    const sent: Promise<unknown>[] = [];
    for (const [owner, requests] of Map.groupBy(all, ({ admission }) => admission.organisationId)) {
      const { open, intents, counts } = keysOf(owner);
      for (let from = 0; from < requests.length; from += REOPEN_BATCH) {
        const values = requests.slice(from, from + REOPEN_BATCH).flatMap(reopenValues);
        sent.push(this.#scripts.runInOrder('reopen', [open, intents, counts], [...this.valuesFor(owner), this.#openMillis, ...values]));
      }
    }
    await Promise.all(sent);
  }
}
