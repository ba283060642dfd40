/** Holds the event stream of one connection to an HTTP+SSE server open, and hands out its events. */
import type { Dispatcher } from 'undici';
import type { Refusal } from '../../shared/refusal.ts';
import type { GovernedServer } from '../config/governed-server.ts';
import { dataOfEvent, EventStreamSplitter, typeOfEvent } from '../mcp/event-stream.ts';
import { refusalOfUpstreamError } from './upstream-errors.ts';
import { badAnswer, objectionTo } from './upstream-objections.ts';

export interface StreamEvents {
  onEvent(type: string, data: string): void;
  /** A comment, which a server sends so that nobody on the way takes the stream for dead. */
  onComment(): void;
  /** Once, unless the stream was closed from here; nothing follows. */
  onEnd(refusal: Refusal): void;
}

type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>;

const EVENT_STREAM_TYPE = /^text\/event-stream\b/i;

export class SseStream implements Dispatcher.DispatchHandler {
  readonly #server: GovernedServer;
  readonly #events: StreamEvents;
  readonly #splitter = new EventStreamSplitter();
  #controller: Dispatcher.DispatchController | undefined;
  #isOver = false;

  constructor(server: GovernedServer, events: StreamEvents) {
    this.#server = server;
    this.#events = events;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isOver) controller.abort(new Error('the connection was given up'));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: AnswerHeaders): void {
    if (status < 200 || this.#isOver) return;
    const objection = objectionTo(this.#server, status, headers) ?? this.#objectionToStream(status, headers['content-type']);
    if (objection !== undefined) this.#fail(objection);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isOver) return;
    for (const event of this.#splitter.push(chunk)) {
      if (event.length > this.#server.limits.eventBytesMax) return this.#failForSize();
      const data = dataOfEvent(event);
      if (data === undefined) this.#events.onComment();
      else this.#events.onEvent(typeOfEvent(event), data);
      if (this.#hasEnded()) return;
    }
    if (this.#splitter.pendingBytes > this.#server.limits.eventBytesMax) this.#failForSize();
  }

  onResponseEnd(): void {
    this.onResponseError(undefined, new Error('the server ended its event stream'));
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#events.onEnd(refusalOfUpstreamError(error, this.#server));
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    if (!this.#isOver) this.#controller?.resume();
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#controller?.abort(new Error('the connection is closed'));
  }

  /** Whoever hears of an event may close the stream. */
  #hasEnded(): boolean {
    return this.#isOver;
  }

  #objectionToStream(status: number, type: string | string[] | undefined): Refusal | undefined {
    if (status !== 200) return badAnswer(this.#server, 'bad_status', `status ${status} where its event stream should be`);
    if (typeof type === 'string' && EVENT_STREAM_TYPE.test(type)) return undefined;
    return badAnswer(this.#server, 'bad_answer', 'something else than an event stream');
  }

  #failForSize(): void {
    this.#fail(badAnswer(this.#server, 'response_too_large', `an event of more than ${this.#server.limits.eventBytesMax} bytes`));
  }

  #fail(refusal: Refusal): void {
    this.#isOver = true;
    this.#controller?.abort(refusal);
    this.#events.onEnd(refusal);
  }
}
