/** Counters in Redis, shared by all nodes: one script call admits, one settles, and intents of lost nodes are closed by the others. */
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { z } from 'zod';
import { AdmissionBatches, readAnswer } from './admission-batches.ts';
import { extendValues } from './admit-values.ts';
import {
  CountersRebuilding,
  CountersUnavailable,
  type Admission,
  type AdmissionAnswer,
  type AllotmentSettlement,
  type Counters,
  type Extension,
  type OpenRequest,
  type Settlement,
} from './counters.ts';
import { Epochs } from './epochs.ts';
import { peekAt } from './peek.ts';
import { keysOf, STREAM_OWNERS_KEY } from './redis-keys.ts';
import { connectRedis, RedisLink } from './redis-link.ts';
import { REBUILD, RedisScripts } from './redis-scripts.ts';
import { SettlementOutbox, STREAM_LENGTH_MAX } from './settlement-outbox.ts';

export interface RedisCountersOptions {
  readonly url: string;
  readonly log: Logger;
  /** How long a node may be silent about an admitted request before another one closes it. */
  readonly intentLifetimeMillis?: number;
  /** How often to look for those. */
  readonly reapMillis?: number;
  /** Settlements and events that are kept while Redis is away. */
  readonly backlogMax?: number;
  /** What this node has under way, in case that Redis forgets it. */
  readonly openRequests?: () => Iterable<OpenRequest>;
}

const INTENT_LIFETIME_MILLIS = 30_000;
/** More than the backlog at which calls are refused, so that the records of what was under way then still find room. */
const BACKLOG_MAX = 120_000;
const REAP_MILLIS = 5000;
const [PAGE, SWEEP_MILLIS] = ['100', 60_000];
/** Within the time that the control plane waits for what the nodes have under way. */
const GREET_MILLIS = 300;
/** Owns the events of callers whose organisation is not known. */
const NOBODY = 'turnpike';
const extendedSchema = z.string();
const cursorSchema = z.string();
const reapedSchema = z.tuple([cursorSchema, z.number()]);

export function connectRedisCounters(options: RedisCountersOptions): RedisCounters {
  return new RedisCounters(connectRedis(options.url), options);
}

export class RedisCounters implements Counters {
  /** For whatever else is kept in the same Redis; closed with the counters. */
  readonly link: RedisLink;
  readonly #log: Logger;
  readonly #scripts: RedisScripts;
  readonly #admissions: AdmissionBatches;
  readonly #outbox: SettlementOutbox;
  readonly #epochs: Epochs;
  readonly #intentLifetimeMillis: number;
  /** Organisations whose stream this process has announced. */
  readonly #announced = new Set<string>();
  readonly #reaper: NodeJS.Timeout;
  readonly #sweeper: NodeJS.Timeout;
  readonly #greeter: NodeJS.Timeout;

  constructor(redis: Redis, options: Omit<RedisCountersOptions, 'url'>) {
    this.#log = options.log;
    this.#intentLifetimeMillis = options.intentLifetimeMillis ?? INTENT_LIFETIME_MILLIS;
    this.link = new RedisLink(redis, options.log);
    this.link.onReturn(() => this.#backAgain());
    this.#scripts = new RedisScripts(redis);
    const { openRequests = () => [], log, backlogMax: sizeMax = BACKLOG_MAX } = options;
    const openMillis = this.#intentLifetimeMillis;
    const parts = { link: this.link, scripts: this.#scripts, log, sizeMax, openMillis };
    this.#epochs = new Epochs({
      ...parts,
      openRequests: () => [...openRequests(), ...this.#outbox.openRequests()],
      onForgotten: () => this.#announceAll(),
    });
    this.#outbox = new SettlementOutbox({ ...parts, epochs: this.#epochs });
    this.#admissions = new AdmissionBatches({ ...parts, outbox: this.#outbox, epochs: this.#epochs });
    this.#reaper = setInterval(() => void this.reap(), options.reapMillis ?? REAP_MILLIS);
    this.#reaper.unref();
    this.#sweeper = setInterval(() => void this.sweep(), SWEEP_MILLIS);
    this.#sweeper.unref();
    this.#greeter = setInterval(() => void this.#greet(), GREET_MILLIS);
    this.#greeter.unref();
  }

  get isAvailable(): boolean {
    return this.link.isAvailable;
  }

  get backlog(): number {
    return this.#outbox.size;
  }

  admit(admission: Admission): Promise<AdmissionAnswer> {
    if (!this.#announced.has(admission.organisationId)) this.#announce(admission.organisationId);
    return this.#admissions.ask(admission);
  }

  peek(admission: Admission): ReturnType<Counters['peek']> {
    return peekAt(admission, { link: this.link, scripts: this.#scripts, outbox: this.#outbox, epochs: this.#epochs });
  }

  async extend(admission: Admission, extension: Extension): Promise<AdmissionAnswer> {
    const { organisationId } = admission;
    const owed = this.#outbox.owes(organisationId);
    let answer = await this.#askForExtension(admission, extension);
    if (answer === REBUILD && (await this.#epochs.openedSoon(organisationId))) answer = await this.#askForExtension(admission, extension);
    if (answer.startsWith('hold:') && owed) {
      // What calls that have ended leave is there for those that go on, also when Redis had not heard of it.
      await this.#outbox.paid(organisationId);
      answer = await this.#askForExtension(admission, extension);
    }
    if (answer === REBUILD) throw new CountersRebuilding('what was counted in windows is being counted again');
    if (answer === 'closed') throw new CountersUnavailable('the request is not open any more');
    return readAnswer(answer);
  }

  settle(settlement: Settlement): void {
    this.#outbox.settle(settlement);
  }

  /** Of one that a reaper closed as lost no event is told: the record of all its calls together is there. */
  settleAllotment(settlement: AllotmentSettlement): void {
    this.#outbox.settleAllotment(settlement);
  }

  /** Names the memory in which windows of the organisation count; undefined while they do not, or Redis does not answer. */
  memoryOf(organisationId: string): string | undefined {
    return this.link.isAvailable ? this.#epochs.memoryOf(organisationId) : undefined;
  }

  record(organisationId: string | null, event: string): void {
    const owner = organisationId ?? NOBODY;
    if (!this.#announced.has(owner)) this.#announce(owner);
    this.#outbox.record(owner, event);
  }

  renew(admission: Admission): void {
    const { organisationId, requestId } = admission;
    const millis = Math.min(this.#intentLifetimeMillis, ...admission.leases.map(({ ttlMillis }) => ttlMillis));
    this.#scripts.run('renew', [keysOf(organisationId).open], [String(millis), requestId]).catch((error: unknown) => this.link.lost(error));
  }

  flushed(): Promise<void> {
    return this.#outbox.flushed();
  }

  async close(graceMillis: number): Promise<number> {
    clearInterval(this.#reaper);
    clearInterval(this.#sweeper);
    clearInterval(this.#greeter);
    const deadline = performance.now() + graceMillis;
    await this.#outbox.flushed(() => performance.now() > deadline);
    this.link.close();
    return this.#outbox.size;
  }

  /** Closes what lost nodes left open, in every organisation; answers how many. Any number of nodes may do so at once. */
  async reap(): Promise<number> {
    if (!this.link.isAvailable) return 0;
    let closed = 0;
    try {
      for (const owner of await this.link.redis.smembers(STREAM_OWNERS_KEY)) closed += await this.#reapOf(owner);
    } catch (error) {
      this.link.lost(error);
    }
    if (closed > 0) this.#log.warn({ closed }, 'closed calls that a lost gateway node had left open');
    return closed;
  }

  /** Forgets counts of what has ended, in every organisation. */
  async sweep(): Promise<void> {
    if (!this.link.isAvailable) return;
    try {
      for (const owner of await this.link.redis.smembers(STREAM_OWNERS_KEY)) {
        await this.#pageThrough((cursor) => this.#scripts.run('sweep', [keysOf(owner).counts], [cursor, PAGE]));
      }
    } catch (error) {
      this.link.lost(error);
    }
  }

  async #askForExtension(admission: Admission, extension: Extension): Promise<string> {
    if (!this.link.isAvailable) throw new CountersUnavailable('Redis does not answer');
    const { open, intents, counts } = keysOf(admission.organisationId);
    const values = [...this.#epochs.valuesFor(admission.organisationId), ...extendValues(admission, extension)];
    try {
      return extendedSchema.parse(await this.#scripts.runSurely('extend', [open, intents, counts], values));
    } catch (cause) {
      this.link.lost(cause);
      throw new CountersUnavailable('Redis does not answer', { cause });
    }
  }

  async #reapOf(owner: string): Promise<number> {
    const { open, intents, counts, usage } = keysOf(owner);
    let closed = 0;
    await this.#pageThrough(async (cursor) => {
      const page = await this.#scripts.run('reap', [open, intents, counts, usage], [...this.#epochs.valuesFor(owner), STREAM_LENGTH_MAX, cursor, PAGE]);
      const [next, count] = reapedSchema.parse(page);
      closed += count;
      return next;
    });
    return closed;
  }

  async #pageThrough(read: (cursor: string) => Promise<unknown>): Promise<void> {
    let cursor = '0';
    do cursor = cursorSchema.parse(await read(cursor));
    while (cursor !== '0');
  }

  async #greet(): Promise<void> {
    if (!this.link.isAvailable) return;
    try {
      await this.#epochs.greet();
    } catch (error) {
      this.link.lost(error);
    }
  }

  /** Tells the usage intake that this organisation has a stream. */
  #announce(owner: string): void {
    if (!this.link.isAvailable) return;
    this.#announced.add(owner);
    this.link.redis.sadd(STREAM_OWNERS_KEY, owner).catch((error: unknown) => {
      this.#announced.delete(owner);
      this.link.lost(error);
    });
  }

  #announceAll(): void {
    const owners = [...this.#announced];
    this.#announced.clear();
    for (const owner of owners) this.#announce(owner);
  }

  #backAgain(): void {
    void this.#greet().then(() => this.#outbox.flush());
  }
}
