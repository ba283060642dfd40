/** Listens to PostgreSQL's notifications on one connection, and wakes whoever waits; while it is away, they are woken by a clock instead. */
import { EventEmitter, once } from 'node:events';
import type { Logger } from 'pino';
import { Client } from 'pg';
import { connectionOf } from './orm.ts';

const RETRY_MILLIS_MIN = 200;
/** While nothing can be heard, whoever waits looks for itself this often. */
const POLL_MILLIS = 500;
const RETRY_MILLIS_MAX = 3000;

export class Notifications {
  readonly #databaseUrl: string;
  readonly #channels: readonly string[];
  readonly #log: Logger;
  readonly #emitter = new EventEmitter();
  readonly #counts = new Map<string, number>();
  readonly #followed = new WeakSet<Client>();
  #client: Client | undefined;
  #retry: NodeJS.Timeout | undefined;
  #retryMillis = RETRY_MILLIS_MIN;
  #isClosed = false;

  constructor(databaseUrl: string, channels: readonly string[], log: Logger) {
    this.#databaseUrl = databaseUrl;
    this.#channels = channels;
    this.#log = log;
    this.#emitter.setMaxListeners(0);
    void this.#connect();
  }

  /** Resolves at the next notification, or after `millisMax`: whoever waits looks for itself whether there is anything new. */
  async next(channel: string, millisMax: number, signal: AbortSignal): Promise<void> {
    const millis = this.#client === undefined ? Math.min(POLL_MILLIS, millisMax) : millisMax;
    const timeout = AbortSignal.timeout(Math.ceil(millis));
    try {
      await once(this.#emitter, channel, { signal: AbortSignal.any([timeout, signal]) });
    } catch (error) {
      if (!timeout.aborted && !signal.aborted) throw error;
    }
  }

  /** How often the channel was notified so far: read it, look, then wait with `nextAfter`, and nothing in between is missed. */
  count(channel: string): number {
    return this.#counts.get(channel) ?? 0;
  }

  /** Like `next`, but at once when there has been a notification since the count was read. */
  async nextAfter(channel: string, count: number, millisMax: number, signal: AbortSignal): Promise<void> {
    if (this.count(channel) === count) await this.next(channel, millisMax, signal);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    await this.#client?.end();
  }

  async #connect(): Promise<void> {
    const client = new Client({ ...connectionOf(this.#databaseUrl), keepAlive: true });
    client.on('notification', ({ channel }) => this.#wake(channel));
    this.#followed.add(client);
    client.on('error', (error) => this.#lost(client, error));
    client.on('end', () => this.#lost(client, undefined));
    try {
      await client.connect();
      for (const channel of this.#channels) await client.query(`listen ${channel}`);
      if (this.#isClosed) return await client.end();
      this.#client = client;
      this.#retryMillis = RETRY_MILLIS_MIN;
      // What was notified in between was not heard: everybody looks once.
      this.#wakeAll();
    } catch (error) {
      this.#lost(client, error);
    }
  }

  #lost(client: Client, error: unknown): void {
    // A failing connection says so more than once; it is given up at the first time, and may complain to nobody afterwards.
    if (!this.#followed.delete(client)) return;
    client.removeAllListeners();
    client.on('error', () => undefined);
    client.end().catch((failure: unknown) => this.#log.debug({ err: failure }, 'a lost connection did not close in order'));
    if (this.#isClosed) return;
    this.#client = undefined;
    this.#wakeAll();
    this.#log.warn({ err: error }, 'the connection for notifications was lost; connecting anew');
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#connect(), this.#retryMillis * (0.5 + Math.random() / 2));
    this.#retryMillis = Math.min(RETRY_MILLIS_MAX, this.#retryMillis * 2);
  }

  #wake(channel: string): void {
    this.#counts.set(channel, this.count(channel) + 1);
    this.#emitter.emit(channel);
  }

  #wakeAll(): void {
    for (const channel of this.#channels) this.#wake(channel);
  }
}
