/** The usage streams in Redis, read by a consumer group that every control-plane replica is part of. */
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { UsageBacklog, UsageDelivery, UsageSource } from '../../shared/usage-event.ts';
import { GREETING_KEY } from '../../shared/window-counts.ts';
import { ACKNOWLEDGE, FORGET_READERS } from './usage-stream-scripts.ts';

const GROUP = 'turnpike-intake';
/** Organisations that have a stream; the data planes add theirs. */
const STREAM_OWNERS_KEY = 'turnpike:usage-streams';
const RECONNECT_MILLIS_MAX = 1000;
/** Long enough for the largest batch; a Redis that is silent for longer is asked anew. */
const COMMAND_TIMEOUT_MILLIS = 5000;
/** What another replica read and did not acknowledge for this long is taken over. */
const ABANDONED_MILLIS = 10_000;
const TAKE_OVER_MILLIS = 5000;
/** A reader that has been gone for this long, and owes nothing, is forgotten. */
const GONE_MILLIS = 3_600_000;
/** How often to look while every stream is empty: well within the second in which a record must be visible. */
const POLL_MILLIS = 100;
/** How many events an entry is taken to have when so many are asked for; it may have up to 128, so more may come. */
const EVENTS_PER_ENTRY = 8;
/** Streams that one command asks for. */
const STREAMS_MAX = 200;

const entriesSchema = z.array(z.tuple([z.string(), z.array(z.string()).nullable()]));
const streamEntriesSchema = z.tuple([z.string(), entriesSchema]);
const readSchema = z.array(streamEntriesSchema).nullable();
const claimSchema = z.tuple([z.string(), entriesSchema]).rest(z.unknown());

type StreamEntries = z.infer<typeof streamEntriesSchema>;

export interface RedisUsageSourceOptions {
  readonly abandonedMillis?: number;
  readonly takeOverMillis?: number;
  readonly goneMillis?: number;
}

export class RedisUsageSource implements UsageSource {
  readonly #redis: Redis;
  readonly #options: Required<RedisUsageSourceOptions>;
  readonly #consumer = randomUUID();
  readonly #grouped = new Set<string>();
  /** What this reader has been given and not acknowledged: it is given again first. */
  #unacknowledged = new Map<string, UsageDelivery>();
  /** How the nodes had greeted the Redis that those are from. */
  #greeting = '';
  /** Whether there may be something that this reader was given without having noticed. */
  #mayOwe = false;
  /** By entry: how many of its events are not acknowledged yet. */
  readonly #left = new Map<string, number>();
  #takeOverAt = 0;
  #isClosed = false;

  constructor(url: string, log: Logger, options: RedisUsageSourceOptions = {}) {
    this.#options = { abandonedMillis: ABANDONED_MILLIS, takeOverMillis: TAKE_OVER_MILLIS, goneMillis: GONE_MILLIS, ...options };
    this.#redis = new Redis(url, {
      protocol: 2,
      commandTimeout: COMMAND_TIMEOUT_MILLIS,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      retryStrategy: (attempt) => Math.min(RECONNECT_MILLIS_MAX, attempt * 50) * (0.5 + Math.random() / 2),
    });
    this.#redis.on('error', (error) => log.debug({ err: error }, 'the usage streams cannot be read'));
  }

  async read(max: number, waitMillis: number): Promise<readonly UsageDelivery[]> {
    if (this.#unacknowledged.size > 0) return [...this.#unacknowledged.values()].slice(0, max);
    const deadline = performance.now() + waitMillis;
    for (;;) {
      const deliveries = await this.#readOnce(max);
      if (deliveries.length > 0) {
        this.#unacknowledged = new Map(deliveries.map((delivery) => [delivery.deliveryId, delivery]));
        this.#countEntries(deliveries);
        return deliveries;
      }
      if (this.#isClosed || performance.now() >= deadline) return [];
      await wait(POLL_MILLIS);
    }
  }

  /** An entry is done with when all of its events are. Where Redis is another one by now nothing is deleted, and what it has of those entries is read again. */
  async acknowledge(deliveries: readonly UsageDelivery[]): Promise<void> {
    const left = new Map<string, number>();
    for (const { deliveryId } of deliveries) {
      const entry = entryOf(deliveryId);
      left.set(entry, (left.get(entry) ?? this.#left.get(entry) ?? 1) - 1);
    }
    const done = [...left.keys()].filter((entry) => (left.get(entry) ?? 0) <= 0);
    const answers = [...Map.groupBy(done, (entry) => entry.slice(0, entry.indexOf(' ')))].map(([stream, entries]) => {
      const ids = entries.map((entry) => entry.slice(stream.length + 1));
      return this.#redis.eval(ACKNOWLEDGE, 2, stream, GREETING_KEY, this.#greeting, GROUP, ...ids);
    });
    if ((await Promise.all(answers)).includes(0)) this.#mayOwe = true;
    for (const { deliveryId } of deliveries) this.#unacknowledged.delete(deliveryId);
    for (const [entry, count] of left) {
      if (count > 0) this.#left.set(entry, count);
      else this.#left.delete(entry);
    }
  }

  /** An entry leaves its stream when it is acknowledged, so the first one is the oldest that waits. */
  async backlog(): Promise<UsageBacklog> {
    const pipeline = this.#redis.pipeline();
    for (const stream of await this.#streams()) pipeline.xlen(stream).xrange(stream, '-', '+', 'COUNT', 1);
    const answers = (await pipeline.exec()) ?? [];
    let entries = 0;
    let oldestMillis: number | undefined;
    for (const [error, answer] of answers) {
      if (error !== null) throw error;
      if (typeof answer === 'number') entries += answer;
      else for (const [id] of entriesSchema.parse(answer)) oldestMillis = Math.min(oldestMillis ?? Infinity, millisOf(id));
    }
    return { entries, oldestMillis };
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#redis.disconnect();
    return Promise.resolve();
  }

  async #streams(): Promise<string[]> {
    return (await this.#redis.smembers(STREAM_OWNERS_KEY)).map((owner) => `{${owner}}:usage`);
  }

  #countEntries(deliveries: readonly UsageDelivery[]): void {
    this.#left.clear();
    for (const { deliveryId } of deliveries) {
      const entry = entryOf(deliveryId);
      this.#left.set(entry, (this.#left.get(entry) ?? 0) + 1);
    }
  }

  async #readOnce(max: number): Promise<UsageDelivery[]> {
    try {
      // First, so that what is read is at least as new.
      this.#greeting = (await this.#redis.get(GREETING_KEY)) ?? '';
      const streams = await this.#streams();
      for (const stream of streams) await this.#joinGroup(stream);
      const owed = this.#mayOwe ? await this.#readOwed(streams, max) : [];
      if (owed.length > 0) return owed;
      this.#mayOwe = false;
      return (await this.#readAbandoned(streams, max)) ?? (await this.#readNew(rotated(streams), max));
    } catch (error) {
      this.#mayOwe = true;
      // A Redis that lost its memory has lost the groups with it.
      if (error instanceof Error && error.message.startsWith('NOGROUP')) this.#grouped.clear();
      throw error;
    }
  }

  /** What this reader has been given already. */
  async #readOwed(streams: readonly string[], max: number): Promise<UsageDelivery[]> {
    const deliveries: UsageDelivery[] = [];
    for (let from = 0; from < streams.length && deliveries.length < max; from += STREAMS_MAX) {
      const answer = await this.#readGroup(streams.slice(from, from + STREAMS_MAX), Math.ceil(max / EVENTS_PER_ENTRY), '0');
      deliveries.push(...answer.flatMap(([stream, entries]) => this.#deliveriesOf(stream, entries)));
    }
    return deliveries;
  }

  /** Every stream gets its share of the batch first, and those that have more share what is left. */
  async #readNew(streams: readonly string[], max: number): Promise<UsageDelivery[]> {
    const deliveries: UsageDelivery[] = [];
    let full: readonly string[] = streams;
    while (full.length > 0 && deliveries.length < max) {
      const asked = full;
      const fuller: string[] = [];
      for (let from = 0; from < asked.length && deliveries.length < max; from += STREAMS_MAX) {
        const some = asked.slice(from, from + Math.min(STREAMS_MAX, max - deliveries.length));
        const count = Math.ceil((max - deliveries.length) / some.length / EVENTS_PER_ENTRY);
        for (const [stream, entries] of await this.#readGroup(some, count, '>')) {
          deliveries.push(...this.#deliveriesOf(stream, entries));
          if (entries.length === count) fuller.push(stream);
        }
      }
      full = fuller;
    }
    return deliveries;
  }

  async #readGroup(streams: readonly string[], count: number, after: '0' | '>'): Promise<readonly StreamEntries[]> {
    const options = ['COUNT', String(count), 'STREAMS', ...streams, ...streams.map(() => after)];
    return readSchema.parse(await this.#redis.call('XREADGROUP', 'GROUP', GROUP, this.#consumer, ...options)) ?? [];
  }

  async #readAbandoned(streams: readonly string[], max: number): Promise<UsageDelivery[] | undefined> {
    if (performance.now() < this.#takeOverAt) return undefined;
    const { abandonedMillis, goneMillis, takeOverMillis } = this.#options;
    for (const stream of streams) {
      const answer = await this.#redis.call(
        'XAUTOCLAIM',
        stream,
        GROUP,
        this.#consumer,
        String(abandonedMillis),
        '0',
        'COUNT',
        String(Math.ceil(max / EVENTS_PER_ENTRY)),
      );
      const [, entries] = claimSchema.parse(answer);
      const deliveries = this.#deliveriesOf(stream, entries);
      if (deliveries.length > 0) return deliveries;
      await this.#redis.eval(FORGET_READERS, 1, stream, GROUP, String(goneMillis));
    }
    this.#takeOverAt = performance.now() + takeOverMillis;
    return undefined;
  }

  /** The events of an entry are its values. Entries that were deleted in the meantime have none. */
  #deliveriesOf(stream: string, entries: StreamEntries[1]): UsageDelivery[] {
    const greeting = this.#greeting;
    const organisationId = stream.slice(1, stream.lastIndexOf('}'));
    return entries.flatMap(([id, fields]) =>
      (fields ?? []).filter((_, index) => index % 2 === 1).map((json, index) => ({ deliveryId: `${stream} ${id} ${index}`, json, organisationId, greeting })),
    );
  }

  async #joinGroup(stream: string): Promise<void> {
    if (this.#grouped.has(stream)) return;
    try {
      await this.#redis.call('XGROUP', 'CREATE', stream, GROUP, '0', 'MKSTREAM');
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('BUSYGROUP'))) throw error;
    }
    this.#grouped.add(stream);
  }
}

/** A batch that is smaller than the number of streams must not always leave out the same ones. */
function rotated(streams: readonly string[]): string[] {
  const from = Math.floor(Math.random() * streams.length);
  return [...streams.slice(from), ...streams.slice(0, from)];
}

/** The id of an entry begins with when it was added. */
function millisOf(id: string): number {
  return Number(id.slice(0, id.indexOf('-')));
}

/** The entry is named by its stream and its id there. */
function entryOf(deliveryId: string): string {
  return deliveryId.slice(0, deliveryId.lastIndexOf(' '));
}
