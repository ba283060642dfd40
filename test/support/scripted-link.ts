/** A control plane that says what the test tells it to, and keeps what it was told. */
import { on } from 'node:events';
import { EventEmitter } from 'node:events';
import type { FeedLink, NodeDescription, RenewedToken } from '../../data-plane/config/feed-link.ts';
import type { ServerReport } from '../../data-plane/reports/server-report.ts';
import type { ReceivedFrame } from '../../data-plane/config/read-frame.ts';

export interface Acknowledged {
  readonly version: string;
  readonly refusedReason: string | null;
}

export class ScriptedLink implements FeedLink {
  /** The versions that were asked for, one for each subscription. */
  readonly subscribed: (string | undefined)[] = [];
  readonly acknowledged: Acknowledged[] = [];
  readonly hellos: NodeDescription[] = [];
  readonly reported: ServerReport[] = [];
  terminations = 0;
  /** How a greeting is answered. */
  answerHello: () => Promise<string> = () => Promise.resolve('dpl_test');
  readonly #emitter = new EventEmitter();
  #subscription: AbortController | undefined;
  #noteArrival: () => void = () => undefined;

  /** Reaches the subscription that is open, and nobody when there is none. */
  send(...frames: readonly ReceivedFrame[]): void {
    for (const frame of frames) {
      this.#noteArrival();
      this.#emitter.emit('frame', frame);
    }
  }

  cut(): void {
    this.#subscription?.abort(new Error('the connection was cut'));
  }

  hello(input: NodeDescription): Promise<string> {
    this.hellos.push(input);
    return this.answerHello();
  }

  acknowledge({ version, refusedReason }: Acknowledged): Promise<void> {
    this.acknowledged.push({ version, refusedReason });
    return Promise.resolve();
  }

  renewToken(): Promise<RenewedToken> {
    return Promise.resolve({ state: null, token: null });
  }

  report(_dataPlaneId: string, reports: readonly ServerReport[]): Promise<void> {
    this.reported.push(...reports);
    return Promise.resolve();
  }

  async *frames(_dataPlaneId: string, sinceVersion: string | undefined): AsyncGenerator<ReceivedFrame> {
    this.#subscription = new AbortController();
    const frames = on(this.#emitter, 'frame', { signal: this.#subscription.signal });
    this.subscribed.push(sinceVersion);
    for await (const [frame] of frames) yield frame;
  }

  onArrival(listener: () => void): void {
    this.#noteArrival = listener;
  }

  terminate(): void {
    this.terminations++;
    this.cut();
  }

  close(): Promise<void> {
    this.cut();
    return Promise.resolve();
  }
}
