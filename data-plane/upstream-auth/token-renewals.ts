/** Asks the control plane for a token in the place of one that does not serve: once, however many calls wait for it. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { FeedLink, WantedToken } from '../config/feed-link.ts';
import type { ConfigStore } from '../config/store.ts';
import { WHOLE_ORGANISATION, type ReadyToken } from './ready-token.ts';

/** A token that has come; or how the connection is, so that there is none. */
export type Renewal = { readonly kind: 'renewed'; readonly token: ReadyToken } | { readonly kind: 'none'; readonly state: string | null };

export interface RenewalParts {
  readonly store: ConfigStore;
  readonly ask: FeedLink['renewToken'];
  readonly log: Logger;
  /** How long a call waits for a token at most. */
  readonly patienceMillis?: number;
}

const PATIENCE_MILLIS = 10_000;
/** What was answered is good for so long, so that callers who come again and again do not keep the control plane busy. */
const ANSWER_KEPT_MILLIS = 500;

export class TokenRenewals {
  readonly #parts: RenewalParts;
  readonly #asked = new Map<string, Promise<Renewal>>();
  readonly #waiting = new Set<() => void>();

  constructor(parts: RenewalParts) {
    this.#parts = parts;
    parts.store.onChange(() => {
      for (const look of this.#waiting) look();
    });
  }

  /** The newest token that this node knows of; undefined for none. */
  newest({ serverId, userId }: Pick<WantedToken, 'serverId' | 'userId'>): ReadyToken | undefined {
    return this.#parts.store
      .current()
      ?.upstreamTokens.get(serverId)
      ?.get(userId ?? WHOLE_ORGANISATION);
  }

  /** Never rejects: without an answer there is no token. */
  renew(wanted: WantedToken): Promise<Renewal> {
    const key = JSON.stringify([wanted.serverId, wanted.userId, wanted.token]);
    let asked = this.#asked.get(key);
    if (asked === undefined) {
      asked = this.#ask(wanted);
      this.#asked.set(key, asked);
      void asked.then(() => setTimeout(() => this.#asked.delete(key), ANSWER_KEPT_MILLIS).unref());
    }
    return asked;
  }

  async #ask(wanted: WantedToken): Promise<Renewal> {
    const { ask, log, patienceMillis = PATIENCE_MILLIS } = this.#parts;
    const signal = AbortSignal.timeout(patienceMillis);
    try {
      const { state, token } = await Promise.race([ask(wanted), outOfPatience(signal)]);
      if (token === null || token === wanted.token) return { kind: 'none', state };
      return { kind: 'renewed', token: await this.#arrival(wanted, signal) };
    } catch (error) {
      log.warn({ err: error, serverId: wanted.serverId }, 'no token could be had of the control plane');
      return { kind: 'none', state: null };
    }
  }

  /** The token comes with the configuration, which may be here before the answer that promises it, or after. */
  #arrival(wanted: WantedToken, signal: AbortSignal): Promise<ReadyToken> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const newest = this.newest(wanted);
        if (newest === undefined || newest.name === wanted.token) return;
        this.#waiting.delete(look);
        resolve(newest);
      };
      signal.addEventListener('abort', () => {
        this.#waiting.delete(look);
        reject(new Error('the token did not come in time'));
      });
      this.#waiting.add(look);
      look();
    });
  }
}

async function outOfPatience(signal: AbortSignal): Promise<never> {
  await wait(2 ** 31 - 1, undefined, { signal, ref: false });
  throw new Error('the control plane did not answer in time');
}
