/** Hears what a server says in answer to a message of ours, as JSON or on an event stream, message by message. */
import { dataOfEvent, EventStreamSplitter, idOfEvent, retryOfEvent } from '../../mcp/event-stream.ts';
import type { AnswerHead, AnswerSink } from '../../transports/transport.ts';
import { readServerMessage, type ServerMessage } from '../../transports/server-message.ts';
import { Refusal } from '../../../shared/refusal.ts';

export interface EarEvents {
  /** An event stream has begun. */
  onOpen?(): void;
  onMessage(bytes: Buffer, message: ServerMessage): void;
  /** An answer with another status than 200. */
  onRefused(head: AnswerHead, body: Buffer): void;
  /** Nothing more comes. */
  onEnd(): void;
  onFail(refusal: Refusal): void;
  /** Whether there is room for more. */
  hasRoom(): boolean;
}

/** What stands in a stream before an event is complete. */
const EVENT_BYTES_MAX = 16 * 1024 * 1024;

export class ServerEar implements AnswerSink {
  readonly #events: EarEvents;
  readonly #splitter = new EventStreamSplitter();
  #isDeaf = false;
  /** Where the stream can be taken up again. */
  lastEventId: string | undefined;
  /** How long the server wants to be left alone before that. */
  retryMillis: number | undefined;

  constructor(events: EarEvents) {
    this.#events = events;
  }

  answer(head: AnswerHead, body: Buffer): void {
    if (head.status !== 200) return this.#events.onRefused(head, body);
    this.#events.onMessage(body, readServerMessage(body));
    this.#events.onEnd();
  }

  open(head: AnswerHead): void {
    if (head.status !== 200) return this.fail(new Refusal('upstream_error', 'bad_status', `the server sent an event stream with status ${head.status}`));
    this.#events.onOpen?.();
  }

  write(chunk: Buffer): boolean {
    if (this.#isDeaf) return true;
    for (const event of this.#splitter.push(chunk)) {
      this.#note(event);
      const data = dataOfEvent(event);
      if (data === undefined || data === '') continue;
      const bytes = Buffer.from(data);
      this.#events.onMessage(bytes, readServerMessage(bytes));
    }
    if (this.#splitter.pendingBytes > EVENT_BYTES_MAX)
      this.fail(new Refusal('upstream_error', 'response_too_large', 'the server sent an event that is too large'));
    return this.#events.hasRoom();
  }

  end(): void {
    if (!this.#isDeaf) this.#events.onEnd();
  }

  fail(refusal: Refusal): void {
    if (this.#isDeaf) return;
    this.#isDeaf = true;
    this.#events.onFail(refusal);
  }

  #note(event: Buffer): void {
    this.lastEventId = idOfEvent(event) ?? this.lastEventId;
    this.retryMillis = retryOfEvent(event) ?? this.retryMillis;
  }
}
