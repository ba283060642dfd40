/** Reads what a server answers to one request: messages ahead of the answer, and the one answer, in JSON or in an event stream. */
import type { Refusal } from '../../../shared/refusal.ts';
import type { GovernedServer } from '../../config/governed-server.ts';
import { dataOfEvent, EventStreamSplitter } from '../../mcp/event-stream.ts';
import { findTopLevelValue } from '../../transports/json-members.ts';
import type { AnswerHead, AnswerSink } from '../../transports/transport.ts';
import { badAnswer } from '../../transports/upstream-objections.ts';

export interface AttemptListener {
  /** An event stream begins. */
  opened(head: AnswerHead): void;
  /** An event that is not the answer; false asks the server to pause. */
  heard(event: Buffer): boolean;
  /** The answer; `event` is what it came in. Nothing is told any more. */
  answered(head: AnswerHead, json: Buffer, event: Buffer | undefined): void;
  failed(refusal: Refusal): void;
}

export class AttemptReader implements AnswerSink {
  readonly #listener: AttemptListener;
  readonly #server: GovernedServer;
  readonly #eventBytesMax: number;
  readonly #splitter = new EventStreamSplitter();
  #head: AnswerHead | undefined;
  #isOver = false;

  constructor(listener: AttemptListener, server: GovernedServer, eventBytesMax: number) {
    this.#listener = listener;
    this.#server = server;
    this.#eventBytesMax = eventBytesMax;
  }

  answer(head: AnswerHead, body: Buffer): void {
    this.#isOver = true;
    this.#listener.answered(head, body, undefined);
  }

  open(head: AnswerHead): void {
    this.#head = head;
    this.#listener.opened(head);
  }

  write(chunk: Buffer): boolean {
    let hasRoom = true;
    for (const event of this.#splitter.push(chunk)) hasRoom = this.#read(event) && hasRoom;
    if (this.#splitter.pendingBytes > this.#eventBytesMax) this.fail(badAnswer(this.#server, 'response_too_large', 'an event that is too large'));
    return hasRoom;
  }

  /** What follows the last complete event is thrown away, as the standard wants it. */
  end(): void {
    this.fail(badAnswer(this.#server, 'bad_answer', 'an event stream without the answer'));
  }

  fail(refusal: Refusal): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listener.failed(refusal);
  }

  #read(event: Buffer): boolean {
    if (this.#isOver) return true;
    const text = dataOfEvent(event);
    if (text === undefined || text === '') return this.#listener.heard(event);
    const data = Buffer.from(text);
    if (this.#head === undefined || findTopLevelValue(data, 'method') !== undefined) return this.#listener.heard(event);
    this.#isOver = true;
    this.#listener.answered(this.#head, data, event);
    return true;
  }
}
