/** Notices in time that an upstream is silent for longer than a short limit, which the HTTP client's own timers would by up to a second. */
import { errors } from 'undici';

/** The client looks at its timers twice a second: beyond this, that is near enough, and costs nothing. */
const SHORT_MILLIS = 10_000;

export class ShortSilence {
  readonly #onLate: (error: Error) => void;
  #timer: NodeJS.Timeout | undefined;
  #lastLook: NodeJS.Immediate | undefined;

  /** `onLate` gets the error that the client would have ended the request with. */
  constructor(onLate: (error: Error) => void) {
    this.#onLate = onLate;
  }

  /** The message has left: its answer must begin within that time. */
  awaitHead(millis: number): void {
    this.#arm(millis, () => new errors.HeadersTimeoutError());
  }

  /** The answer has begun: the next byte of it must come within that time. */
  awaitMore(millis: number): void {
    this.#arm(millis, () => new errors.BodyTimeoutError());
  }

  heard(): void {
    clearImmediate(this.#lastLook);
    this.#timer?.refresh();
  }

  stop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#lastLook);
    this.#timer = undefined;
  }

  #arm(millis: number, error: () => Error): void {
    this.stop();
    if (millis >= SHORT_MILLIS) return;
    this.#timer = setTimeout(() => {
      // What came while this process was busy is read first: the upstream was not silent, nobody listened.
      this.#lastLook = setImmediate(() => this.#onLate(error()));
    }, millis);
  }
}
