/** The child processes of one server: starts them as its limits allow, ends those that nobody uses, and in the end all of them. */
import type { Clock } from '../../shared/clock.ts';
import { Refusal } from '../../shared/refusal.ts';
import type { EffectiveLimits } from '../../shared/server-limits.ts';
import type { StdioAudience } from './stdio-audience.ts';
import { StdioBreaker } from './stdio-breaker.ts';
import { StdioChild, type ChildParts } from './stdio-child.ts';
import type { StdioGreeting } from './stdio-greeter.ts';
import type { ChildProgram } from './stdio-process.ts';

export interface FleetParts extends Omit<ChildParts, 'audience' | 'greeting' | 'onEnd' | 'onIdle' | 'onUnwanted'> {
  readonly clock: Clock;
  /** Whether another child may run on this gateway; ends an idle one of any server when that makes room. */
  readonly makeRoom: () => boolean;
}

/** For whom a child is started. */
export interface ChildOrder {
  /** The key that it is for, whose own idle sessions give way to it; undefined when it is for everybody. */
  readonly apiKeyId?: string;
  /** The one client that it speaks with; without, it is initialised by us and speaks with nobody in particular. */
  readonly audience?: StdioAudience;
  /** It takes no calls any longer. */
  readonly onGone?: (child: StdioChild) => void;
}

export class StdioFleet {
  readonly program: ChildProgram;
  readonly parts: FleetParts;
  /** What one process has taught of all. */
  readonly greeting: StdioGreeting = { isModern: false };
  readonly #breaker: StdioBreaker;
  /** Those that take calls, and those whose last calls are under way. */
  readonly #children = new Map<StdioChild, ChildOrder>();
  readonly #ending = new Set<Promise<void>>();
  #serverLimits: EffectiveLimits;
  #idleTimer: NodeJS.Timeout | undefined;
  #retireTimer: NodeJS.Timeout | undefined;
  #isDraining = false;

  constructor(program: ChildProgram, serverLimits: EffectiveLimits, parts: FleetParts) {
    this.program = program;
    this.#serverLimits = serverLimits;
    this.parts = parts;
    this.#breaker = new StdioBreaker(parts.clock, parts.limits);
  }

  /** Those of the server as it is configured at present. */
  get serverLimits(): EffectiveLimits {
    return this.#serverLimits;
  }

  get size(): number {
    return this.#children.size;
  }

  get children(): Iterable<StdioChild> {
    return this.#children.keys();
  }

  /** Throws a refusal when no child may be started. */
  start(order: ChildOrder): StdioChild {
    const { slug, limits } = this.parts;
    const pauseLeftMillis = this.#breaker.pauseLeftMillis;
    if (pauseLeftMillis > 0) {
      const retryAfterSeconds = Math.ceil(pauseLeftMillis / 1000);
      throw new Refusal('stdio_error', 'stdio_unavailable', `the process of server ${slug} keeps ending and is not started for now`, { retryAfterSeconds });
    }
    if (!this.parts.makeRoom() && !this.stopLongestIdle(order.apiKeyId)) {
      throw new Refusal('stdio_error', 'stdio_overloaded', 'as many STDIO servers run as this gateway allows', { limit: limits.childrenMax });
    }
    try {
      const child = new StdioChild(this.program, {
        ...this.parts,
        ...order,
        greeting: this.greeting,
        onEnd: this.#onEnd,
        onIdle: this.#onIdle,
        onUnwanted: (unwanted) => this.stop(unwanted),
      });
      this.#children.set(child, order);
      this.#idleTimer ??= this.#lookForIdleIn(this.#serverLimits.processIdleMillis);
      return child;
    } catch (error) {
      if (error instanceof Refusal) this.#breaker.recordDeath();
      throw error;
    }
  }

  /** Ends a child; calls that are still under way fail with the refusal. */
  stop(child: StdioChild, refusal: Refusal = new Refusal('not_ready', 'draining', `server ${this.parts.slug} is being stopped`)): void {
    this.#forget(child);
    void child.stop(refusal);
  }

  /** The child that has had nothing to do for longest, of those that may give way: a session does so for its own key only. */
  longestIdle(apiKeyId?: string): StdioChild | undefined {
    let longest: StdioChild | undefined;
    for (const child of this.#children.keys()) {
      if (!child.isIdle || (child.audience !== undefined && child.audience.apiKeyId !== apiKeyId)) continue;
      if (longest === undefined || child.lastUsedMillis < longest.lastUsedMillis) longest = child;
    }
    return longest;
  }

  /** Whether there was one to stop. */
  stopLongestIdle(apiKeyId?: string): boolean {
    const child = this.longestIdle(apiKeyId);
    if (child !== undefined) this.stop(child);
    return child !== undefined;
  }

  /** The configuration changed or is gone: `decide` is asked what becomes of the fleet, unless a call reclaims it before. */
  retire(decide: () => void): void {
    this.#retireTimer ??= setTimeout(decide, this.parts.limits.retireGraceMillis).unref();
  }

  /** The new configuration runs the same program in the same way, if within other limits. */
  reclaim(serverLimits: EffectiveLimits): void {
    this.#stopRetiring();
    const before = this.#serverLimits;
    this.#serverLimits = serverLimits;
    if (this.#idleTimer === undefined || before.processIdleMillis === serverLimits.processIdleMillis) return;
    clearTimeout(this.#idleTimer);
    this.#idleTimer = this.#lookForIdleIn(0);
  }

  /** Children without a call end now, the others after their last one. */
  drain(): void {
    this.#stopRetiring();
    this.#isDraining = true;
    clearTimeout(this.#idleTimer);
    for (const child of this.#children.keys()) if (child.inFlight === 0) this.stop(child);
  }

  /** Ends all children at once; resolves when nothing of them is left. */
  async close(): Promise<void> {
    this.drain();
    for (const child of this.#children.keys()) this.stop(child);
    await Promise.all(this.#ending);
  }

  readonly #onEnd = (child: StdioChild, isDeath: boolean): void => {
    this.#forget(child);
    if (isDeath) this.#breaker.recordDeath();
  };

  readonly #onIdle = (child: StdioChild): void => {
    if (this.#isDraining) this.stop(child);
  };

  #stopRetiring(): void {
    clearTimeout(this.#retireTimer);
    this.#retireTimer = undefined;
  }

  /** The child takes no more calls, but `close` waits until nothing of it is left. */
  #forget(child: StdioChild): void {
    const order = this.#children.get(child);
    if (order === undefined) return;
    this.#children.delete(child);
    const gone = child.gone.then(() => void this.#ending.delete(gone));
    this.#ending.add(gone);
    order.onGone?.(child);
  }

  /** One timer for the fleet, looked at when it fires, because arming one per call would cost more than the call. */
  #lookForIdleIn(delayMillis: number): NodeJS.Timeout {
    return setTimeout(() => {
      const { processIdleMillis: idleMillis, warmProcesses } = this.#serverLimits;
      const now = this.parts.clock.elapsed();
      let nextMillis = idleMillis;
      for (const child of this.#children.keys()) {
        const leftMillis = child.isIdle && this.size > warmProcesses ? child.lastUsedMillis + idleMillis - now : idleMillis;
        if (leftMillis <= 0) this.stop(child);
        else nextMillis = Math.min(nextMillis, leftMillis);
      }
      this.#idleTimer = this.size === 0 ? undefined : this.#lookForIdleIn(nextMillis);
    }, delayMillis).unref();
  }
}
