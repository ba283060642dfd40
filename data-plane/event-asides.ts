/** What the gateway itself says on an open event stream: always between two events of the upstream, and never to a caller who does not read. */
import type { ServerResponse } from 'node:http';
import type { Clock } from '../shared/clock.ts';
import { EventBoundary } from './mcp/event-boundary.ts';

const COMMENT = Buffer.from(':\n\n');

export class EventAsides {
  readonly #response: ServerResponse;
  readonly #clock: Clock;
  readonly #boundary = new EventBoundary();
  #wroteAt: number;
  #waiting: Buffer | undefined;

  constructor(response: ServerResponse, clock: Clock) {
    this.#response = response;
    this.#clock = clock;
    this.#wroteAt = clock.elapsed();
  }

  /** Bytes of the upstream were written. */
  passed(bytes: Buffer): void {
    this.#boundary.push(bytes);
    this.#wroteAt = this.#clock.elapsed();
    if (this.#waiting !== undefined) this.say(this.#waiting);
  }

  /** Writes a comment if nothing was written since that moment, in monotonic milliseconds. */
  keepAlive(silentSince: number): void {
    if (this.#wroteAt <= silentSince && this.#mayWrite) this.#write(COMMENT);
  }

  /** Writes an event now or between the next two; one that still waits then is replaced. */
  say(event: Buffer): void {
    if (!this.#mayWrite) return void (this.#waiting = event);
    this.#waiting = undefined;
    this.#write(event);
  }

  /** What must stand before an event that is written now, for a reader to tell it from what the upstream has begun. */
  get gap(): string {
    return this.#boundary.isBetweenEvents ? '' : '\n\n';
  }

  get #mayWrite(): boolean {
    return this.#boundary.isBetweenEvents && !this.#response.writableNeedDrain;
  }

  #write(bytes: Buffer): void {
    this.#wroteAt = this.#clock.elapsed();
    this.#response.write(bytes);
  }
}
