/** Notices that Redis has lost what was counted in windows, tells it what is under way here, and knows when windows count again. */
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import { z } from 'zod';
import { GREETING_KEY, readPackedEpoch, REBUILDS_KEY } from '../../shared/window-counts.ts';
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
const greetingSchema = z.string();

export interface EpochsParts {
  readonly link: RedisLink;
  readonly scripts: RedisScripts;
  /** How long a request stays open unless it is renewed. */
  readonly openMillis: number;
  /** What this node has under way. */
  readonly openRequests: () => Iterable<OpenRequest>;
  /** Called when Redis has lost its memory, or is another one, and has been told of those. */
  readonly onForgotten: () => void;
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
  readonly #onForgotten: () => void;
  readonly #openMillis: string;
  readonly #log: Logger;
  /** The newest that this node has seen, by organisation. */
  readonly #generations = new Map<string, number>();
  readonly #closed = new Map<string, Closed>();
  /** Of the Redis, with the memory that it had, that was told all that is under way here. */
  #greeting = '';
  #greeted: Promise<void> | undefined;

  constructor({ link, scripts, openMillis, openRequests, onForgotten, log }: EpochsParts) {
    this.#link = link;
    this.#scripts = scripts;
    this.#openMillis = String(openMillis);
    this.#openRequests = openRequests;
    this.#onForgotten = onForgotten;
    this.#log = log;
  }

  /** By which the scripts judge whether windows count (`scripts/epoch.lua`). */
  valuesFor(owner: string): [greeting: string, generation: string] {
    return [this.#greeting, this.#generationOf(owner)];
  }

  /** Names the memory in which windows of the organisation count, as far as this node knows; undefined while they are closed. */
  memoryOf(owner: string): string | undefined {
    return this.#closed.has(owner) ? undefined : this.#greeting;
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

  /** Redis may be another one, or have lost its memory without having been away: then it is told what is under way here. */
  greet(): Promise<void> {
    this.#greeted ??= this.#greet().finally(() => (this.#greeted = undefined));
    return this.#greeted;
  }

  async #greet(): Promise<void> {
    const greeting = greetingSchema.parse(await this.#scripts.run('greet', [GREETING_KEY], [this.#link.runId]));
    if (greeting === this.#greeting) return;
    // Calls whose admission was answered together with the greeting are under way by then.
    await nextTurn();
    await this.#reopen(greeting, this.#openRequests());
    this.#greeting = greeting;
    this.#onForgotten();
  }

  #generationOf(owner: string): string {
    return String(this.#generations.get(owner) ?? 0);
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
    if (epoch === null) return false;
    const { greeting, generation } = readPackedEpoch(epoch);
    return greeting === this.#greeting && generation >= (this.#generations.get(owner) ?? 0);
  }

  /** What is under way here comes first: it is part of what is to be counted. */
  async #askForRebuild(owner: string): Promise<void> {
    await this.greet();
    await this.#reopen(
      this.#greeting,
      [...this.#openRequests()].filter(({ admission }) => admission.organisationId === owner),
    );
    await this.#link.redis.sadd(REBUILDS_KEY, owner);
  }

  /** All is sent at once: what ends meanwhile is settled behind it. */
  async #reopen(greeting: string, all: Iterable<OpenRequest>): Promise<void> {
    const sent: Promise<unknown>[] = [];
    for (const [owner, requests] of Map.groupBy(all, ({ admission }) => admission.organisationId)) {
      const { open, intents, counts } = keysOf(owner);
      for (let from = 0; from < requests.length; from += REOPEN_BATCH) {
        const values = requests.slice(from, from + REOPEN_BATCH).flatMap(reopenValues);
        sent.push(this.#scripts.runInOrder('reopen', [open, intents, counts], [greeting, this.#generationOf(owner), this.#openMillis, ...values]));
      }
    }
    await Promise.all(sent);
  }
}
