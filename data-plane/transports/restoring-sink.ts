/** Gives a caller its own ids back where ids of ours stand for them: in a JSON answer, and in the events of a stream. */
import type { Refusal } from '../../shared/refusal.ts';
import { EventBoundary } from '../mcp/event-boundary.ts';
import { createEventStreamFilter, type EventStreamFilter } from '../mcp/event-stream-filter.ts';
import { originalOf, OWN_ID_MARK } from '../mcp/own-ids.ts';
import { isAnswer, readEnvelope } from './answer-envelope.ts';
import { splice } from './message-splice.ts';
import type { AnswerHead, AnswerSink } from './transport.ts';

export class RestoringSink implements AnswerSink {
  readonly #sink: AnswerSink;
  readonly #events: EventStreamFilter;
  readonly #boundary = new EventBoundary();

  /** An event that comes in pieces is held back until it is complete, up to this size. */
  constructor(sink: AnswerSink, eventBytesMax: number) {
    this.#sink = sink;
    this.#events = createEventStreamFilter(withOriginalId, eventBytesMax);
  }

  answer(head: AnswerHead, body: Buffer): void {
    this.#sink.answer(head, withOriginalId(body));
  }

  open(head: AnswerHead): void {
    this.#sink.open(head);
  }

  /** Throws the refusal of an event that is too large: whoever reads the upstream then stops. */
  write(chunk: Buffer): boolean {
    const wasBetweenEvents = this.#boundary.isBetweenEvents;
    this.#boundary.push(chunk);
    const isWhole = wasBetweenEvents && this.#boundary.isBetweenEvents;
    if (isWhole && !chunk.includes(OWN_ID_MARK)) return this.#sink.write(chunk);
    return this.#pass(this.#events.push(chunk));
  }

  end(): void {
    this.#pass(this.#events.end());
    this.#sink.end();
  }

  fail(refusal: Refusal): void {
    this.#sink.fail(refusal);
  }

  #pass(events: Iterable<Buffer>): boolean {
    let hasRoom = true;
    for (const event of events) hasRoom = this.#sink.write(event);
    return hasRoom;
  }
}

/** Only the id of an answer is its request's; what else looks like it is the server's own affair. */
function withOriginalId(json: Buffer): Buffer {
  if (!json.includes(OWN_ID_MARK)) return json;
  const envelope = readEnvelope(json);
  if (envelope === undefined || !isAnswer(envelope) || envelope.idStart === -1) return json;
  const { idStart: start, idEnd: end } = envelope;
  const original = originalOf(json.toString('latin1', start, end));
  return original === undefined ? json : splice(json, [{ start, end }], Buffer.from(original));
}
