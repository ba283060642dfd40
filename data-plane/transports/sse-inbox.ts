/** What a server says to its caller beside the answers: goes over the stream that the caller holds open, and waits while there is none. */
import type { Refusal } from '../../shared/refusal.ts';
import { COMMENT, EVENTS_HEAD, toEvent } from './answer-forms.ts';
import type { SseLimits } from './sse-limits.ts';
import type { AnswerSink, UpstreamFlight } from './transport.ts';

export interface InboxEvents {
  /** The caller reads more slowly than the server talks: nothing more should come until `onRoom`. */
  onFull(): void;
  onRoom(): void;
  /** The caller holds no stream open any longer. */
  onLeft(): void;
}

export class SseInbox {
  readonly #limits: SseLimits;
  readonly #events: InboxEvents;
  #sink: AnswerSink | undefined;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #isFull = false;

  constructor(limits: SseLimits, events: InboxEvents) {
    this.#limits = limits;
    this.#events = events;
  }

  get isListened(): boolean {
    return this.#sink !== undefined;
  }

  /** The message must be without line breaks. */
  deliver(message: Buffer): void {
    if (this.#sink !== undefined) return this.#write(this.#sink, message);
    this.#held.push(message);
    this.#heldBytes += message.length;
    while (this.#held.length > this.#limits.heldMessagesMax || this.#heldBytes > this.#limits.heldBytesMax) this.#heldBytes -= this.#held.shift()?.length ?? 0;
  }

  /** The server keeps its stream alive, and so is the caller's kept. */
  keepAlive(): void {
    if (!this.#isFull) this.#sink?.write(COMMENT);
  }

  /** A message goes to one stream only: a caller that opens another one has lost the first, which ends. */
  listen(sink: AnswerSink): UpstreamFlight {
    const former = this.#sink;
    this.#sink = sink;
    former?.end();
    this.#makeRoom();
    sink.open(EVENTS_HEAD);
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const message of held) this.#write(sink, message);
    return {
      resume: () => {
        if (this.#sink === sink) this.#makeRoom();
      },
      cancel: () => {
        if (this.#sink === sink) this.#leave();
      },
    };
  }

  /** The caller asked for the end, or is told why it comes. */
  close(refusal: Refusal | undefined): void {
    const sink = this.#sink;
    this.#sink = undefined;
    if (refusal === undefined) sink?.end();
    else sink?.fail(refusal);
  }

  #leave(): void {
    this.#sink = undefined;
    this.#makeRoom();
    this.#events.onLeft();
  }

  #write(sink: AnswerSink, message: Buffer): void {
    if (sink.write(toEvent(message)) || this.#isFull) return;
    this.#isFull = true;
    this.#events.onFull();
  }

  #makeRoom(): void {
    if (!this.#isFull) return;
    this.#isFull = false;
    this.#events.onRoom();
  }
}
