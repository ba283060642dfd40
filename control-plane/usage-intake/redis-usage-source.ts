/** The usage streams in Redis, read by a consumer group that every control-plane replica is part of. */
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { UsageDelivery, UsageSource } from '../../shared/usage-event.ts';

const GROUP = 'turnpike-intake';
/** Organisations that have a stream; the data planes add theirs. */
const STREAM_OWNERS_KEY = 'turnpike:usage-streams';
const RECONNECT_MILLIS_MAX = 1000;
/** What another replica read and did not acknowledge for this long is taken over. */
const ABANDONED_MILLIS = 10_000;
const TAKE_OVER_MILLIS = 5000;
/** How often to look while every stream is empty: well within the second in which a record must be visible. */
const POLL_MILLIS = 100;

const entriesSchema = z.array(z.tuple([z.string(), z.array(z.string()).nullable()]));
const readSchema = z.array(z.tuple([z.string(), entriesSchema])).nullable();
const claimSchema = z.tuple([z.string(), entriesSchema]).rest(z.unknown());

export class RedisUsageSource implements UsageSource {
  readonly #redis: Redis;
  readonly #consumer = randomUUID();
  readonly #grouped = new Set<string>();
  /** What this reader has been given and not acknowledged: it is given again first. */
  #unacknowledged = new Map<string, UsageDelivery>();
  #takeOverAt = 0;
  #isClosed = false;

  constructor(url: string, log: Logger) {
    this.#redis = new Redis(url, {
      protocol: 2,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      retryStrategy: (attempt) => Math.min(RECONNECT_MILLIS_MAX, attempt * 50),
    });
    this.#redis.on('error', (error) => log.debug({ err: error }, 'the usage streams cannot be read'));
    // A Redis that comes back may have lost the groups.
    this.#redis.on('ready', () => this.#grouped.clear());
  }

  async read(max: number, waitMillis: number): Promise<readonly UsageDelivery[]> {
    if (this.#unacknowledged.size > 0) return [...this.#unacknowledged.values()];
    const deadline = performance.now() + waitMillis;
    do {
      const deliveries = await this.#readOnce(max);
      if (deliveries.length > 0) {
        this.#unacknowledged = new Map(deliveries.map((delivery) => [delivery.deliveryId, delivery]));
        return deliveries;
      }
      await wait(POLL_MILLIS);
    } while (performance.now() < deadline && !this.#isClosed);
    return [];
  }

  async acknowledge(deliveries: readonly UsageDelivery[]): Promise<void> {
    const byStream = new Map<string, string[]>();
    for (const { deliveryId } of deliveries) {
      const [stream, id] = splitDeliveryId(deliveryId);
      byStream.set(stream, [...(byStream.get(stream) ?? []), id]);
    }
    for (const [stream, ids] of byStream) {
      await this.#redis.xack(stream, GROUP, ...ids);
      await this.#redis.xdel(stream, ...ids);
    }
    for (const { deliveryId } of deliveries) this.#unacknowledged.delete(deliveryId);
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#redis.disconnect();
    return Promise.resolve();
  }

  async #readOnce(max: number): Promise<UsageDelivery[]> {
    const streams = (await this.#redis.smembers(STREAM_OWNERS_KEY)).map((owner) => `{${owner}}:usage`);
    for (const stream of streams) await this.#joinGroup(stream);
    if (streams.length === 0) return [];
    if (performance.now() >= this.#takeOverAt) {
      const abandoned = await this.#takeOver(streams, max);
      if (abandoned.length > 0) return abandoned;
      this.#takeOverAt = performance.now() + TAKE_OVER_MILLIS;
    }
    const answer = readSchema.parse(
      await this.#redis.call('XREADGROUP', 'GROUP', GROUP, this.#consumer, 'COUNT', String(max), 'STREAMS', ...streams, ...streams.map(() => '>')),
    );
    return (answer ?? []).flatMap(([stream, entries]) => entries.flatMap((entry) => toDelivery(stream, entry)));
  }

  async #takeOver(streams: readonly string[], max: number): Promise<UsageDelivery[]> {
    for (const stream of streams) {
      const answer = await this.#redis.call('XAUTOCLAIM', stream, GROUP, this.#consumer, String(ABANDONED_MILLIS), '0', 'COUNT', String(max));
      const [, entries] = claimSchema.parse(answer);
      const deliveries = entries.flatMap((entry) => toDelivery(stream, entry));
      if (deliveries.length > 0) return deliveries;
    }
    return [];
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

/** Entries that were deleted in the meantime have no fields. */
function toDelivery(stream: string, [id, fields]: readonly [string, readonly string[] | null]): UsageDelivery[] {
  const json = fields?.[1];
  return json === undefined ? [] : [{ deliveryId: `${stream} ${id}`, json }];
}

function splitDeliveryId(deliveryId: string): [string, string] {
  const at = deliveryId.lastIndexOf(' ');
  return [deliveryId.slice(0, at), deliveryId.slice(at + 1)];
}
