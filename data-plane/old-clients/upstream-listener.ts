/** Listens for an old client to a stream that it knows nothing of, and comes back to it when it was lost. */
import type { Refusal } from '../../shared/refusal.ts';
import type { AnswerGuard } from '../guardrails/answer-guard.ts';
import type { AnswerSink, UpstreamFlight } from '../transports/transport.ts';
import { GuardedMessages } from './guarded-messages.ts';

/** Until the first return; each one in vain doubles it. */
const PAUSE_MILLIS_MIN = 1000;
const PAUSE_MILLIS_MAX = 60_000;
/** Failures of the way, which may be over soon; whatever else a server or the gateway says is meant. */
const PASSING: ReadonlySet<string> = new Set(['upstream_error', 'upstream_timeout']);

/** Asks the server for a stream: for that which belongs to no call, or for the one with that event, from behind it. */
export type OpenStreamOf = (sink: AnswerSink, lastEventId: string | undefined) => UpstreamFlight;

export interface ListenerParts {
  readonly eventBytesMax: number;
  readonly newGuard: () => AnswerGuard;
  /** Takes one message for the client; false when it should be the last for now. */
  readonly tell: (message: Buffer) => boolean;
  /** The stream holds something that the client must not see, or cannot be judged. */
  readonly condemn: (error: unknown) => void;
  /** The server has no such stream, or not any longer. */
  readonly onRefused: () => void;
}

export class UpstreamListener implements AnswerSink, UpstreamFlight {
  readonly #openStream: OpenStreamOf;
  readonly #parts: ListenerParts;
  #messages: GuardedMessages | undefined;
  #lastEventId: string | undefined;
  #flight: UpstreamFlight | undefined;
  #timer: NodeJS.Timeout | undefined;
  #hasListened: boolean;
  #pauseMillis = PAUSE_MILLIS_MIN;
  #isOver = false;

  /** Begins at once, or a little later behind an event, where a stream was lost before. */
  constructor(openStream: OpenStreamOf, parts: ListenerParts, lastEventId?: string) {
    this.#openStream = openStream;
    this.#parts = parts;
    this.#lastEventId = lastEventId;
    this.#hasListened = lastEventId !== undefined;
    if (lastEventId === undefined) this.#listen();
    else this.#comeBack();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  resume(): void {
    this.#flight?.resume();
  }

  cancel(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#flight?.cancel();
  }

  answer(): void {
    this.#refuse();
  }

  open(): void {
    this.#hasListened = true;
    this.#pauseMillis = PAUSE_MILLIS_MIN;
  }

  write(chunk: Buffer): boolean {
    let hasRoom = true;
    try {
      for (const message of this.#messages?.push(chunk) ?? []) hasRoom = this.#parts.tell(message);
    } catch (error) {
      this.cancel();
      this.#parts.condemn(error);
    }
    return hasRoom;
  }

  end(): void {
    this.#comeBack();
  }

  fail(refusal: Refusal): void {
    if (this.#hasListened && PASSING.has(refusal.code)) this.#comeBack();
    else this.#refuse();
  }

  #listen(): void {
    this.#messages = new GuardedMessages(this.#parts.newGuard(), this.#parts.eventBytesMax);
    this.#flight = this.#openStream(this, this.#lastEventId);
  }

  #comeBack(): void {
    if (this.#isOver) return;
    this.#lastEventId = this.#messages?.lastEventId ?? this.#lastEventId;
    this.#timer = setTimeout(() => this.#listen(), this.#pauseMillis).unref();
    this.#pauseMillis = Math.min(2 * this.#pauseMillis, PAUSE_MILLIS_MAX);
  }

  #refuse(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#parts.onRefused();
  }
}
