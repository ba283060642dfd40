/** Takes the messages out of an upstream's event stream, judged as every answer is, each as a single line. */
import { Refusal } from '../../shared/refusal.ts';
import type { AnswerGuard } from '../guardrails/answer-guard.ts';
import { dataOfEvent, EventStreamSplitter, idOfEvent, typeOfEvent } from '../mcp/event-stream.ts';
import { blankLineBreaks } from '../transports/message-splice.ts';

export class GuardedMessages {
  readonly #guard: AnswerGuard;
  readonly #splitter = new EventStreamSplitter();
  readonly #eventBytesMax: number;
  /** Of the last event that had one. */
  lastEventId: string | undefined;

  /** What is not complete yet is held up to `eventBytesMax`. */
  constructor(guard: AnswerGuard, eventBytesMax: number) {
    this.#guard = guard;
    this.#eventBytesMax = eventBytesMax;
  }

  /** The messages that a chunk completes. Throws the refusal that takes the place of all that follows. */
  *push(chunk: Buffer): Iterable<Buffer> {
    for (const part of this.#guard.push(chunk)) {
      for (const event of this.#splitter.push(part)) {
        this.lastEventId = idOfEvent(event) ?? this.lastEventId;
        const data = dataOfEvent(event);
        // Another type is no message, and its data might be another endpoint.
        if (data !== undefined && data !== '' && typeOfEvent(event) === 'message') yield blankLineBreaks(Buffer.from(data));
      }
    }
    if (this.#splitter.pendingBytes > this.#eventBytesMax) throw new Refusal('upstream_error', 'bad_answer', 'the server sent an event that is too large');
  }
}
