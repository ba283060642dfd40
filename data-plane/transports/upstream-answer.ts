/** Receives one HTTP answer of an upstream: a JSON body is collected and handed over whole, an event stream passes as it comes. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { Refusal } from '../../shared/refusal.ts';
import { listens } from '../mcp/revision-claims.ts';
import { SESSION_HEADER } from '../mcp/session-ids.ts';
import { EventCollector } from './event-collector.ts';
import { relayedHeaders } from './forwarded-headers.ts';
import type { AnswerHead, AnswerSink, UpstreamRequest } from './transport.ts';
import { refusalOfUpstreamError } from './upstream-errors.ts';
import { badAnswer, objectionTo } from './upstream-objections.ts';

/** Asks for another try with a session, when the answer says that one is missing; `relayRefused` delivers the answer after all. */
export interface SecondTry {
  /** The status that says so. */
  readonly status: number;
  readonly retry: (relayRefused: () => void) => void;
}

export interface AnswerTerms {
  readonly secondTry: SecondTry | undefined;
  /** How long the answer to a message may take from now on. */
  readonly totalMillis: number;
}

type Reading = 'nothing' | 'body' | 'events' | 'collected events';
/** Visible ASCII, as the specification wants it (MCP 2025-11-25, Session management), and short enough to travel in an id of ours. */
const SESSION_ID = /^[\x21-\x7e]{1,512}$/;
const JSON_TYPE = /^application\/json\b/i;
const EVENT_STREAM_TYPE = /^text\/event-stream\b/i;

export class UpstreamAnswer implements Dispatcher.DispatchHandler {
  readonly #request: UpstreamRequest;
  readonly #sink: AnswerSink;
  readonly #secondTry: SecondTry | undefined;
  readonly #deadline: number;
  #controller: Dispatcher.DispatchController | undefined;
  #head: AnswerHead = { status: 0, contentType: undefined, upstreamSessionId: undefined, headers: [] };
  #reading: Reading = 'nothing';
  #first: Buffer | undefined;
  #more: Buffer[] | undefined;
  #collector: EventCollector | undefined;
  #length = 0;
  #isOver = false;

  constructor(request: UpstreamRequest, sink: AnswerSink, { secondTry, totalMillis }: AnswerTerms) {
    this.#request = request;
    this.#sink = sink;
    this.#secondTry = secondTry;
    this.#deadline = listens(request.call) ? Infinity : performance.now() + totalMillis;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isOver) controller.abort(new Error('the caller is gone'));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200 || this.#isOver) return;
    const type = headers['content-type'];
    const sessionId = headers[SESSION_HEADER];
    this.#head = { status, contentType: type, upstreamSessionId: typeof sessionId === 'string' ? sessionId : undefined, headers: relayedHeaders(headers) };
    const objection = this.#objectionTo(status, headers);
    if (objection !== undefined) return this.#fail(objection);
    if (status === 202 || status === 204 || type === undefined) this.#reading = 'nothing';
    else if (JSON_TYPE.test(type)) this.#reading = 'body';
    else if (!EVENT_STREAM_TYPE.test(type)) {
      const what = `status ${status} and content type ${type.slice(0, 64)}`;
      this.#fail(badAnswer(this.#request.server, status >= 400 ? 'bad_status' : 'bad_answer', what, { upstreamStatus: status }));
    } else if (this.#request.acceptsEventStream) this.#beginStream();
    else this.#beginCollecting();
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isOver || this.#reading === 'nothing') return;
    this.#length += chunk.length;
    // Looked at when something comes, which is never long after the last time: silence has a limit of its own.
    if (performance.now() > this.#deadline) return this.#fail(this.#lateAnswer());
    if (this.#length > this.#request.responseBytesMax && !listens(this.#request.call)) {
      return this.#fail(this.#badAnswer('response_too_large', `more than ${this.#request.responseBytesMax} bytes`));
    }
    if (this.#reading === 'events') {
      if (!this.#sink.write(chunk)) this.#controller?.pause();
    } else if (this.#collector !== undefined) this.#collect(chunk);
    else if (this.#first === undefined) this.#first = chunk;
    else (this.#more ??= [this.#first]).push(chunk);
  }

  onResponseEnd(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#reading === 'events') return this.#sink.end();
    if (this.#collector !== undefined) return this.#sink.fail(this.#badAnswer('bad_answer', 'an event stream without the answer'));
    const body = this.#more === undefined ? (this.#first ?? EMPTY) : Buffer.concat(this.#more, this.#length);
    if (this.#secondTry?.status === this.#head.status) return this.#secondTry.retry(() => this.#sink.answer(this.#head, body));
    this.#sink.answer(this.#head, body);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sink.fail(refusalOfUpstreamError(error, this.#request.server));
  }

  resume(): void {
    this.#controller?.resume();
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#controller?.abort(new Error('the caller is gone'));
  }

  #objectionTo(status: number, headers: IncomingHttpHeaders): Refusal | undefined {
    const sessionId = headers[SESSION_HEADER];
    if (sessionId !== undefined && !(typeof sessionId === 'string' && SESSION_ID.test(sessionId)))
      return this.#badAnswer('bad_answer', 'a session id that is none');
    return objectionTo(this.#request.server, status, headers);
  }

  #beginStream(): void {
    this.#reading = 'events';
    this.#sink.open(this.#head);
  }

  /** A caller that reads only JSON gets the one event that answers it. */
  #beginCollecting(): void {
    this.#reading = 'collected events';
    this.#collector = new EventCollector(this.#request.responseBytesMax);
  }

  #collect(chunk: Buffer): void {
    const answer = this.#collector?.push(chunk);
    if (answer === undefined) return;
    this.#isOver = true;
    this.#sink.answer({ ...this.#head, contentType: 'application/json' }, answer);
    // What follows the answer is for nobody; the connection is given up rather than read to its end.
    this.#controller?.abort(new Error('the answer is complete'));
  }

  #lateAnswer(): Refusal {
    return new Refusal('upstream_timeout', 'total_timeout', `'${this.#request.server.config.slug}' did not come to the end of its answer in time`);
  }

  #badAnswer(reason: 'bad_status' | 'bad_answer' | 'response_too_large', what: string): Refusal {
    return badAnswer(this.#request.server, reason, what);
  }

  #fail(refusal: Refusal): void {
    this.#isOver = true;
    this.#sink.fail(refusal);
    this.#controller?.abort(refusal);
  }
}

const EMPTY = Buffer.alloc(0);
