/** Keeps the child processes of one server warm: a call takes one that runs, and starts one only when none does. */
import type { Clock } from '../../shared/clock.ts';
import { Refusal } from '../../shared/refusal.ts';
import type { RpcMessage } from '../mcp/rpc-call.ts';
import { StdioBreaker } from './stdio-breaker.ts';
import type { StdioCall } from './stdio-call.ts';
import { StdioChild, type ChildParts } from './stdio-child.ts';
import type { ChildProgram } from './stdio-process.ts';
import type { AnswerSink, UpstreamFlight, UpstreamRequest } from './transport.ts';

export interface PoolParts extends Omit<ChildParts, 'onEnd' | 'onIdle'> {
  readonly clock: Clock;
  /** Whether another child may run on this gateway; ends an idle one of another server when that makes room. */
  readonly makeRoom: () => boolean;
}

export class StdioPool {
  readonly program: ChildProgram;
  readonly #parts: PoolParts;
  readonly #breaker: StdioBreaker;
  /** Those that take calls, and those whose last calls are under way. */
  readonly #children = new Set<StdioChild>();
  readonly #ending = new Set<Promise<void>>();
  #lastUsedMillis: number;
  #idleTimer: NodeJS.Timeout | undefined;
  #retireTimer: NodeJS.Timeout | undefined;
  #isDraining = false;

  constructor(program: ChildProgram, parts: PoolParts) {
    this.program = program;
    this.#parts = parts;
    this.#breaker = new StdioBreaker(parts.clock, parts.limits);
    this.#lastUsedMillis = parts.clock.elapsed();
  }

  get size(): number {
    return this.#children.size;
  }

  get isIdle(): boolean {
    return this.#children.size > 0 && this.#inFlight === 0;
  }

  get lastUsedMillis(): number {
    return this.#lastUsedMillis;
  }

  get #inFlight(): number {
    let sum = 0;
    for (const child of this.#children) sum += child.inFlight;
    return sum;
  }

  /** Throws a refusal when no child can take the call. */
  call(request: UpstreamRequest, message: RpcMessage, bytes: Buffer, sink: AnswerSink): UpstreamFlight {
    this.#lastUsedMillis = this.#parts.clock.elapsed();
    return this.#childForCall().call(request, message, bytes, sink);
  }

  /** The call that a caller's `notifications/cancelled` means, with the child that works on it. */
  findCall(canceller: UpstreamRequest, requestIdToken: string): { child: StdioChild; call: StdioCall } | undefined {
    for (const child of this.#children) {
      const call = child.findCall(canceller, requestIdToken);
      if (call !== undefined) return { child, call };
    }
    return undefined;
  }

  /** The configuration changed or is gone: unless a call reclaims the pool soon, it drains. */
  retire(onDrain: () => void): void {
    this.#retireTimer ??= setTimeout(() => {
      onDrain();
      this.drain();
    }, this.#parts.limits.retireGraceMillis).unref();
  }

  /** The new configuration runs the same program in the same way. */
  reclaim(): void {
    clearTimeout(this.#retireTimer);
    this.#retireTimer = undefined;
  }

  /** Idle children end now, the others after their last call. */
  drain(): void {
    this.reclaim();
    this.#isDraining = true;
    clearTimeout(this.#idleTimer);
    this.stopIdle();
  }

  /** Ends all children at once; resolves when nothing of them is left. */
  async close(): Promise<void> {
    this.drain();
    for (const child of this.#children) this.#stop(child);
    await Promise.all(this.#ending);
  }

  /** Ends the children that have nothing to do, to make room for another server's. */
  stopIdle(): void {
    for (const child of this.#children) if (child.inFlight === 0) this.#stop(child);
  }

  #childForCall(): StdioChild {
    let best: StdioChild | undefined;
    let takers = 0;
    for (const child of this.#children) {
      if (!child.takesCalls) continue;
      takers++;
      if (best === undefined || child.inFlight < best.inFlight) best = child;
    }
    const { limits, slug } = this.#parts;
    if (best !== undefined && best.inFlight < limits.inFlightMax) return best;
    if (takers < limits.childrenPerServerMax) return this.#start();
    throw new Refusal('stdio_error', 'stdio_overloaded', `server ${slug} works on as many calls as it may`, { limit: limits.inFlightMax });
  }

  #start(): StdioChild {
    const { slug, limits } = this.#parts;
    const pauseLeftMillis = this.#breaker.pauseLeftMillis;
    if (pauseLeftMillis > 0) {
      const retryAfterSeconds = Math.ceil(pauseLeftMillis / 1000);
      throw new Refusal('stdio_error', 'stdio_unavailable', `the process of server ${slug} keeps ending and is not started for now`, { retryAfterSeconds });
    }
    if (!this.#parts.makeRoom()) {
      throw new Refusal('stdio_error', 'stdio_overloaded', 'as many STDIO servers run as this gateway allows', { limit: limits.childrenMax });
    }
    try {
      const child = new StdioChild(this.program, { ...this.#parts, onEnd: this.#onEnd, onIdle: this.#onIdle });
      this.#children.add(child);
      this.#armIdleTimer(limits.idleMillis);
      return child;
    } catch (error) {
      if (error instanceof Refusal) this.#breaker.recordDeath();
      throw error;
    }
  }

  readonly #onEnd = (child: StdioChild, isDeath: boolean): void => {
    this.#forget(child);
    if (isDeath) this.#breaker.recordDeath();
  };

  readonly #onIdle = (child: StdioChild): void => {
    this.#lastUsedMillis = this.#parts.clock.elapsed();
    if (this.#isDraining) this.#stop(child);
  };

  #stop(child: StdioChild): void {
    this.#forget(child);
    void child.stop(new Refusal('not_ready', 'draining', `server ${this.#parts.slug} is being stopped`));
  }

  /** The child takes no more calls, but `close` waits until nothing of it is left. */
  #forget(child: StdioChild): void {
    if (!this.#children.delete(child)) return;
    const gone = child.gone.then(() => void this.#ending.delete(gone));
    this.#ending.add(gone);
  }

  /** One timer for the pool, looked at when it fires, because arming one per call would cost more than the call. */
  #armIdleTimer(delayMillis: number): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => {
      const { idleMillis } = this.#parts.limits;
      const leftMillis = this.#inFlight > 0 ? idleMillis : this.#lastUsedMillis + idleMillis - this.#parts.clock.elapsed();
      if (leftMillis <= 0) return this.stopIdle();
      this.#armIdleTimer(leftMillis);
    }, delayMillis).unref();
  }
}
