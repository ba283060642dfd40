/** Listens to PostgreSQL's notifications on one connection, and wakes whoever waits; while it is away, they are woken by a clock instead. */
import { EventEmitter, once } from 'node:events';
import type { Logger } from 'pino';
import { Client } from 'pg';
import { connectionOf } from './orm.ts';

const RETRY_MILLIS_MIN = 200;
const RETRY_MILLIS_MAX = 3000;

export class Notifications {
  readonly #databaseUrl: string;
  readonly #channels: readonly string[];
  readonly #log: Logger;
  readonly #emitter = new EventEmitter();
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
    const timeout = AbortSignal.timeout(millisMax);
    try {
      await once(this.#emitter, channel, { signal: AbortSignal.any([timeout, signal]) });
    } catch (error) {
      if (!timeout.aborted && !signal.aborted) throw error;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    await this.#client?.end();
  }

  async #connect(): Promise<void> {
    const client = new Client({ ...connectionOf(this.#databaseUrl), keepAlive: true });
    client.on('notification', ({ channel }) => this.#emitter.emit(channel));
    client.on('error', (error) => this.#lost(client, error));
    client.on('end', () => this.#lost(client, undefined));
    try {
      await client.connect();
      for (const channel of this.#channels) await client.query(`listen ${channel}`);
      this.#client = client;
      this.#retryMillis = RETRY_MILLIS_MIN;
      // What was notified in between was not heard: everybody looks once.
      for (const channel of this.#channels) this.#emitter.emit(channel);
    } catch (error) {
      this.#lost(client, error);
    }
  }

  #lost(client: Client, error: unknown): void {
    client.removeAllListeners();
    // A connection that is given up may still complain, to nobody.
    client.on('error', () => undefined);
    if (this.#isClosed) return;
    this.#client = undefined;
    this.#log.warn({ err: error }, 'the connection for notifications was lost; connecting anew');
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#connect(), this.#retryMillis * (0.5 + Math.random() / 2));
    this.#retryMillis = Math.min(RETRY_MILLIS_MAX, this.#retryMillis * 2);
  }
}
