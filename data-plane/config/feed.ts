/** Follows the control plane's configuration: applies what comes, acknowledges or refuses it, and comes back after every gap. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Clock } from '../../shared/clock.ts';
import type { SecretSealer } from '../../shared/sealed-secret.ts';
import { applyDelta, SnapshotIntake } from './apply-changes.ts';
import { ConfigFault } from './config-fault.ts';
import type { ConfigState } from './config-state.ts';
import type { ServerReport } from '../reports/server-report.ts';
import type { FeedLink, NodeDescription } from './feed-link.ts';
import type { LastKnownGood } from './last-known-good.ts';
import { verifyChecksum, type ReceivedFrame } from './read-frame.ts';
import type { ConfigStore } from './store.ts';

export interface FeedTiming {
  /** The control plane sends something every five seconds; without anything for so long the connection is dead. */
  readonly silenceMillisMax: number;
  /** How often the node says how it is. */
  readonly helloMillis: number;
  /** Between two tries to connect; doubles from the first to the second. */
  readonly retryMillisMin: number;
  readonly retryMillisMax: number;
}

export interface FeedParts {
  readonly link: FeedLink;
  readonly store: ConfigStore;
  readonly sealer: SecretSealer;
  readonly lastKnownGood: Pick<LastKnownGood, 'save' | 'confirm'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly describeNode: () => NodeDescription;
  readonly timing?: FeedTiming;
}

const TIMING: FeedTiming = { silenceMillisMax: 12_000, helloMillis: 5000, retryMillisMin: 100, retryMillisMax: 3000 };
/** The control plane is not waited for longer than this when the node ends. */
const LEAVE_MILLIS_MAX = 1000;
/** How finely silence is watched for: it is noticed at most so much late. */
const WATCH_MILLIS_MAX = 1000;

/** Ends a subscription on purpose: the next one asks for what is missing, or for everything. */
class ResyncNeeded extends Error {
  override readonly name = 'ResyncNeeded';
}

export class Feed {
  readonly #parts: FeedParts;
  readonly #timing: FeedTiming;
  readonly #ending = new AbortController();
  readonly #running: Promise<void>;
  #lastArrivalAt: number;
  /** A version that was refused: what follows it cannot be applied, only a whole snapshot can. */
  #refusedVersion: string | undefined;
  /** As whom the control plane knows this node; undefined while there is no connection. */
  #dataPlaneId: string | undefined;
  /** What is said of this node is said in order, so that an older version never overwrites a newer one. */
  #lastTold: Promise<unknown> = Promise.resolve();

  constructor(parts: FeedParts) {
    this.#parts = parts;
    this.#timing = parts.timing ?? TIMING;
    this.#lastArrivalAt = parts.clock.elapsed();
    parts.link.onArrival(() => {
      this.#lastArrivalAt = parts.clock.elapsed();
    });
    this.#running = this.#follow();
  }

  /** Says how this node is: every few seconds, and when something of it has changed that others wait for. */
  sayHello(): void {
    const { link, describeNode, log } = this.#parts;
    this.#tell(() => link.hello(describeNode())).catch((error: unknown) => log.debug({ err: error }, 'the control plane did not hear how this node is'));
  }

  /** Tells what was noticed of servers. Answers false while there is no connection. */
  async report(reports: readonly ServerReport[]): Promise<boolean> {
    const { link } = this.#parts;
    const dataPlaneId = this.#dataPlaneId;
    if (dataPlaneId === undefined || this.#ending.signal.aborted) return false;
    await this.#tell(() => link.report(dataPlaneId, reports));
    return true;
  }

  async close(): Promise<void> {
    await this.#takeLeave();
    this.#ending.abort();
    await this.#parts.link.close();
    await this.#running;
  }

  /** Says a last time how this node is, so that nobody misses it afterwards. One that cannot be told is not waited for. */
  async #takeLeave(): Promise<void> {
    const { link, describeNode, log } = this.#parts;
    if (this.#dataPlaneId === undefined) return;
    const told = this.#tell(() => link.hello(describeNode())).catch((error: unknown) =>
      log.debug({ err: error }, 'the control plane did not hear that this node ends'),
    );
    await Promise.race([told, wait(LEAVE_MILLIS_MAX, undefined, { ref: false })]);
  }

  async #follow(): Promise<void> {
    const { log, clock } = this.#parts;
    const { retryMillisMin, retryMillisMax } = this.#timing;
    let retryMillis = retryMillisMin;
    while (!this.#ending.signal.aborted) {
      const startedAt = clock.elapsed();
      try {
        await this.#subscribe();
      } catch (error) {
        if (this.#ending.signal.aborted) return;
        if (error instanceof ResyncNeeded) log.info({ reason: error.message }, 'asking for the configuration anew');
        else log.warn({ err: error }, 'the configuration feed was interrupted; the last configuration stays in force');
      }
      // A connection that held for a while was a good one, and the next try need not wait long.
      retryMillis = clock.elapsed() - startedAt > retryMillisMax ? retryMillisMin : Math.min(retryMillisMax, retryMillis * 2);
      await this.#pause(retryMillis * (0.5 + Math.random() / 2));
    }
  }

  async #subscribe(): Promise<void> {
    const { link, store, sealer, describeNode, clock } = this.#parts;
    this.#lastArrivalAt = clock.elapsed();
    const watch = setInterval(() => this.#watch(), Math.min(WATCH_MILLIS_MAX, this.#timing.silenceMillisMax / 4));
    const heartbeat = setInterval(() => this.sayHello(), this.#timing.helloMillis);
    try {
      const dataPlaneId = await this.#tell(() => link.hello(describeNode()));
      // A link that was closed meanwhile would open once more, for a subscription that nobody ends.
      this.#ending.signal.throwIfAborted();
      this.#dataPlaneId = dataPlaneId;
      const snapshot = new SnapshotIntake(sealer);
      const sinceVersion = this.#refusedVersion === undefined ? store.current()?.version : undefined;
      for await (const frame of link.frames(dataPlaneId, sinceVersion)) await this.#take(frame, snapshot, dataPlaneId);
    } finally {
      this.#dataPlaneId = undefined;
      clearInterval(watch);
      clearInterval(heartbeat);
    }
  }

  async #take(frame: ReceivedFrame, snapshot: SnapshotIntake, dataPlaneId: string): Promise<void> {
    const { store, lastKnownGood, log } = this.#parts;
    switch (frame.kind) {
      case 'HEARTBEAT':
        return this.#confirm(frame.version);
      case 'DELTA':
        if (this.#refusedVersion !== undefined) throw new ResyncNeeded(`version ${this.#refusedVersion} was refused, and ${frame.version} may mend it`);
        break;
      case 'SNAPSHOT':
        // The parts that follow a bad one are of no use.
        if (frame.version === this.#refusedVersion && !isFirstPart(frame)) return;
        break;
    }
    let state: ConfigState | undefined;
    try {
      state = await this.#apply(frame, snapshot);
    } catch (error) {
      if (error instanceof ResyncNeeded) throw error;
      this.#refuse(frame, dataPlaneId, error);
      // The whole may be sound although the way to it is not; a snapshot that is refused has no such second chance until something changes.
      if (frame.kind === 'DELTA') throw new ResyncNeeded(`delta ${frame.version} was refused`);
      return;
    }
    if (state === undefined) return;
    store.swap(state);
    this.#refusedVersion = undefined;
    this.#acknowledge(dataPlaneId, frame.version, null);
    lastKnownGood.save({ state: store.state, receivedAtMillis: store.receivedAtMillis });
    log.info({ version: frame.version, kind: frame.kind }, 'configuration applied');
  }

  /** The next state; undefined while parts of a snapshot are still to come. */
  async #apply(frame: ReceivedFrame, snapshot: SnapshotIntake): Promise<ConfigState | undefined> {
    const { store, sealer } = this.#parts;
    verifyChecksum(frame);
    if (frame.kind === 'SNAPSHOT') return snapshot.add(frame, store.state);
    const state = await applyDelta(store.state, frame, sealer);
    if (state === undefined) throw new ResyncNeeded(`delta ${frame.version} does not follow version ${store.state.snapshot.version}`);
    return state;
  }

  #confirm(version: string): void {
    const { store, lastKnownGood } = this.#parts;
    if (version === store.current()?.version) {
      store.confirm();
      lastKnownGood.confirm({ state: store.state, receivedAtMillis: store.receivedAtMillis });
      return;
    }
    // Something was missed on the way here, unless it is what this node refused.
    if (version !== this.#refusedVersion) throw new ResyncNeeded(`the control plane is at version ${version}`);
  }

  #refuse(frame: ReceivedFrame, dataPlaneId: string, error: unknown): void {
    const reason = error instanceof ConfigFault ? error.message : 'the node failed to apply it; its log says why';
    this.#parts.log.error({ err: error, version: frame.version, reason }, 'a configuration was refused; the one before it stays in force');
    this.#refusedVersion = frame.version;
    this.#acknowledge(dataPlaneId, frame.version, reason);
  }

  /** Not waited for: what comes next does not depend on whether it was heard. */
  #acknowledge(dataPlaneId: string, version: string, refusedReason: string | null): void {
    const { link, log } = this.#parts;
    this.#tell(() => link.acknowledge({ dataPlaneId, version, refusedReason })).catch((error: unknown) =>
      log.debug({ err: error }, 'an acknowledgement was not heard'),
    );
  }

  #watch(): void {
    const { link, clock, log } = this.#parts;
    if (clock.elapsed() - this.#lastArrivalAt <= this.#timing.silenceMillisMax) return;
    this.#lastArrivalAt = clock.elapsed();
    log.warn('the control plane has fallen silent; connecting anew');
    link.terminate();
  }

  #tell<Answer>(say: () => Promise<Answer>): Promise<Answer> {
    const told = this.#lastTold.then(say);
    this.#lastTold = told.catch(() => undefined);
    return told;
  }

  async #pause(millis: number): Promise<void> {
    try {
      await wait(millis, undefined, { signal: this.#ending.signal });
    } catch (error) {
      if (!this.#ending.signal.aborted) throw error;
    }
  }
}

function isFirstPart({ payload }: ReceivedFrame): boolean {
  return typeof payload === 'object' && payload !== null && 'part' in payload && payload.part === 0;
}
