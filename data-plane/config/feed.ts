/** Follows the control plane's configuration: applies what comes, acknowledges or refuses it, and comes back after every gap. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Clock } from '../../shared/clock.ts';
import type { SecretSealer } from '../../shared/sealed-secret.ts';
import type { FeedLink, NodeDescription } from './feed-link.ts';
import type { LastKnownGood } from './last-known-good.ts';
import { applyDelta, buildSnapshot, SnapshotParts, verifyChecksum, type ReceivedFrame } from './read-frame.ts';
import type { ConfigStore } from './store.ts';

export interface FeedParts {
  readonly link: FeedLink;
  readonly store: ConfigStore;
  readonly sealer: SecretSealer;
  readonly lastKnownGood: LastKnownGood;
  readonly clock: Clock;
  readonly log: Logger;
  readonly describeNode: () => NodeDescription;
}

/** The control plane sends a heartbeat every five seconds; three that did not come mean a dead connection. */
const SILENCE_MILLIS_MAX = 15_000;
const HELLO_MILLIS = 5000;
const RETRY_MILLIS_MIN = 100;
const RETRY_MILLIS_MAX = 3000;

/** A delta that cannot be used: the next subscription asks for everything. */
class ResyncNeeded extends Error {
  override readonly name = 'ResyncNeeded';
}

export class Feed {
  readonly #parts: FeedParts;
  readonly #ending = new AbortController();
  readonly #running: Promise<void>;
  #lastFrameAt: number;
  #needsSnapshot = false;

  constructor(parts: FeedParts) {
    this.#parts = parts;
    this.#lastFrameAt = parts.clock.elapsed();
    this.#running = this.#follow();
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await this.#parts.link.close();
    await this.#running;
  }

  async #follow(): Promise<void> {
    const { log } = this.#parts;
    let retryMillis = RETRY_MILLIS_MIN;
    while (!this.#ending.signal.aborted) {
      const startedAt = this.#parts.clock.elapsed();
      try {
        await this.#subscribe();
      } catch (error) {
        if (this.#ending.signal.aborted) return;
        log.warn({ err: error }, 'the configuration feed was interrupted; the last configuration stays in force');
      }
      // A connection that held for a while was a good one, and the next try need not wait long.
      retryMillis = this.#parts.clock.elapsed() - startedAt > RETRY_MILLIS_MAX ? RETRY_MILLIS_MIN : Math.min(RETRY_MILLIS_MAX, retryMillis * 2);
      await this.#pause(retryMillis * (0.5 + Math.random() / 2));
    }
  }

  async #subscribe(): Promise<void> {
    const { link, store, describeNode } = this.#parts;
    this.#lastFrameAt = this.#parts.clock.elapsed();
    const dataPlaneId = await link.hello(describeNode());
    const watch = setInterval(() => this.#watch(), HELLO_MILLIS);
    try {
      const parts = new SnapshotParts();
      const sinceVersion = this.#needsSnapshot ? undefined : store.current()?.version;
      for await (const frame of link.frames(dataPlaneId, sinceVersion)) {
        this.#lastFrameAt = this.#parts.clock.elapsed();
        await this.#take(frame, parts, dataPlaneId);
      }
    } finally {
      clearInterval(watch);
    }
  }

  async #take(frame: ReceivedFrame, parts: SnapshotParts, dataPlaneId: string): Promise<void> {
    const { link, store, log } = this.#parts;
    if (frame.kind === 'HEARTBEAT') {
      if (frame.version === store.current()?.version) store.confirm();
      return;
    }
    try {
      if (!(await this.#apply(frame, parts))) return;
    } catch (error) {
      if (error instanceof ResyncNeeded) throw error;
      const reason = reasonOf(error);
      log.error({ version: frame.version, reason }, 'a configuration was refused; the one before it stays in force');
      await link.acknowledge(dataPlaneId, frame.version, reason);
      return;
    }
    await link.acknowledge(dataPlaneId, frame.version, undefined);
    log.info({ version: frame.version, kind: frame.kind }, 'configuration applied');
  }

  /** False while parts of a snapshot are still to come. */
  async #apply(frame: ReceivedFrame, parts: SnapshotParts): Promise<boolean> {
    const { store, sealer, lastKnownGood } = this.#parts;
    verifyChecksum(frame);
    if (frame.kind === 'DELTA') {
      const state = await applyDelta(store.state, frame, sealer);
      if (state === undefined) {
        this.#needsSnapshot = true;
        throw new ResyncNeeded(`delta ${frame.version} does not follow version ${store.state.snapshot.version}`);
      }
      store.swap(state);
    } else {
      const upserts = await parts.add(frame);
      if (upserts === undefined) return false;
      store.swap(await buildSnapshot(upserts, { previous: store.state, version: frame.version, sealer }));
      this.#needsSnapshot = false;
    }
    lastKnownGood.save(store.state);
    return true;
  }

  /** Tells the control plane how this node is, and ends a connection that has gone silent. */
  #watch(): void {
    const { link, describeNode, clock, log } = this.#parts;
    if (clock.elapsed() - this.#lastFrameAt > SILENCE_MILLIS_MAX) {
      log.warn('the control plane has fallen silent; connecting anew');
      link.terminate();
      return;
    }
    link.hello(describeNode()).catch((error: unknown) => log.debug({ err: error }, 'the control plane did not hear the heartbeat'));
  }

  async #pause(millis: number): Promise<void> {
    try {
      await wait(millis, undefined, { signal: this.#ending.signal });
    } catch (error) {
      if (!this.#ending.signal.aborted) throw error;
    }
  }
}

/** What the administrator reads: where in the document the fault lies, never a value from it. */
function reasonOf(error: unknown): string {
  if (error instanceof z.ZodError) return error.issues.map(({ path, code }) => `${path.join('.')}: ${code}`).join('; ').slice(0, 1000);
  return error instanceof Error ? error.message.slice(0, 1000) : 'unknown';
}
