/** The end at which a caller waits for one answer: as JSON, or as the last event of a stream when something was told before it. */
import { EVENTS_HEAD, JSON_HEAD, toEvent } from '../../transports/answer-forms.ts';
import { blankLineBreaks } from '../../transports/message-splice.ts';
import type { AnswerSink, UpstreamRequest } from '../../transports/transport.ts';
import type { Refusal } from '../../../shared/refusal.ts';
import type { ModernAnswer } from './modern-answer.ts';

export class CallerLine {
  readonly #request: UpstreamRequest;
  readonly #sink: AnswerSink;
  #isOpen = false;

  constructor(request: UpstreamRequest, sink: AnswerSink) {
    this.#request = request;
    this.#sink = sink;
  }

  /** Tells what is not the answer, to a caller who takes events; false asks to wait until there is room again. */
  tell(message: Buffer): boolean {
    return this.#request.acceptsEventStream ? this.#write(message) : true;
  }

  /** Nothing may follow. */
  answer({ status, message }: ModernAnswer): void {
    if (!this.#isOpen && this.#request.acceptsJson) return this.#sink.answer({ ...JSON_HEAD, status }, message);
    this.#write(message);
    this.#sink.end();
  }

  fail(refusal: Refusal): void {
    this.#sink.fail(refusal);
  }

  #write(message: Buffer): boolean {
    if (!this.#isOpen) this.#sink.open(EVENTS_HEAD);
    this.#isOpen = true;
    return this.#sink.write(toEvent(blankLineBreaks(Buffer.from(message))));
  }
}
