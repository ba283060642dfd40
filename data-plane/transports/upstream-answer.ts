/** Receives one HTTP answer of an upstream: a JSON body is collected and handed over whole, an event stream passes as it comes. */
import type { IncomingHttpHeaders } from 'node:http';
import { errors, type Dispatcher } from 'undici';
import { Refusal } from '../../shared/refusal.ts';
import { EventSize } from '../mcp/event-size.ts';
import { listens } from '../mcp/revision-claims.ts';
import { SESSION_HEADER } from '../mcp/session-ids.ts';
import { answersAnother, faultOfAnswer } from './answer-envelope.ts';
import type { AnswerTerms, SecondTry } from './answer-terms.ts';
import type { AnswerWatch, Watched } from './answer-watch.ts';
import { EventCollector } from './event-collector.ts';
import { relayedHeaders } from './forwarded-headers.ts';
import type { AnswerHead, AnswerSink, UpstreamRequest } from './transport.ts';
import { refusalOfUpstreamError } from './upstream-errors.ts';
import type { UpstreamBreaker } from './upstream-breaker.ts';
import { UPSTREAM_SESSION_ID } from './upstream-handshake.ts';
import { badAnswer, objectionTo } from './upstream-objections.ts';

type Reading = 'nothing' | 'body' | 'events' | 'collected events';
const JSON_TYPE = /^application\/json\b/i;
const EVENT_STREAM_TYPE = /^text\/event-stream\b/i;

export class UpstreamAnswer implements Dispatcher.DispatchHandler, Watched {
  place = -1;
  readonly #request: UpstreamRequest;
  readonly #sink: AnswerSink;
  readonly #idToken: string | undefined;
  readonly #secondTry: SecondTry | undefined;
  readonly #breaker: UpstreamBreaker;
  /** Of an event stream alone. */
  #size: EventSize | undefined;
  readonly #watch: AnswerWatch;
  readonly #deadline: number;
  #isWatched = true;
  /** For so long the server may be silent at the moment; it may at any length while the message waits for a connection, and while nobody reads. */
  #silenceMillisMax = Infinity;
  /** Since when the watch knows it to be silent; undefined when it was heard since the last look. */
  #silentSince: number | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #head = NO_HEAD;
  #reading: Reading = 'nothing';
  #first: Buffer | undefined;
  #more: Buffer[] | undefined;
  #collector: EventCollector | undefined;
  #length = 0;
  /** Takes the place of an answer that is read only for what it may ask for. */
  #complaint: Refusal | undefined;
  #isOver = false;

  constructor(request: UpstreamRequest, sink: AnswerSink, { idToken, secondTry, breaker, watch, deadline }: AnswerTerms) {
    this.#request = request;
    this.#sink = sink;
    this.#idToken = idToken;
    this.#secondTry = secondTry;
    this.#breaker = breaker;
    this.#watch = watch;
    this.#deadline = listens(request.call) ? Infinity : deadline;
    watch.begin(this);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isOver) controller.abort(new Error('the caller is gone'));
    else this.#awaitWithin(this.#request.server.limits.headersTimeoutMillis);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200 || this.#isOver) return;
    this.#awaitMore();
    const type = headers['content-type'];
    const sessionId = headers[SESSION_HEADER];
    this.#head = { status, contentType: type, upstreamSessionId: typeof sessionId === 'string' ? sessionId : undefined, headers: relayedHeaders(headers) };
    const objection = this.#objectionTo(status, headers);
    if (objection !== undefined) return this.#fail(objection);
    this.#breaker.succeeded(performance.now());
    if (status === 202 || status === 204 || type === undefined) this.#reading = 'nothing';
    else if (JSON_TYPE.test(type)) this.#reading = 'body';
    else if (!EVENT_STREAM_TYPE.test(type)) this.#refuseType(status, type);
    else if (this.#request.acceptsEventStream) this.#beginStream();
    else this.#beginCollecting();
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isOver || this.#reading === 'nothing') return;
    this.#silentSince = undefined;
    this.#length += chunk.length;
    if (this.#length > this.#request.responseBytesMax && !(this.#reading === 'events' && listens(this.#request.call))) {
      return this.#fail(this.#badAnswer('response_too_large', `more than ${this.#request.responseBytesMax} bytes`));
    }
    if (this.#reading === 'events') {
      if (this.#size?.push(chunk) === false) return this.#fail(this.#badAnswer('response_too_large', 'an event that is larger than its limit'));
      if (!this.#sink.write(chunk)) this.#pause();
    } else if (this.#collector !== undefined) this.#collect(chunk);
    else if (this.#first === undefined) this.#first = chunk;
    else (this.#more ??= [this.#first]).push(chunk);
  }

  onResponseEnd(): void {
    if (this.#isOver) return;
    this.#finish();
    if (this.#reading === 'events') return this.#sink.end();
    if (this.#collector !== undefined) return this.#sink.fail(this.#badAnswer('bad_answer', 'an event stream without the answer'));
    const body = this.#more === undefined ? (this.#first ?? EMPTY) : Buffer.concat(this.#more, this.#length);
    const { status } = this.#head;
    if (status >= 400 && this.#secondTry?.isMeant(status, body) === true) return this.#secondTry.retry(() => this.#deliver(body));
    this.#deliver(body);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#isOver) return;
    this.#finish();
    const refusal = refusalOfUpstreamError(error, this.#request.server);
    this.#breaker.failed(refusal, performance.now());
    this.#sink.fail(refusal);
  }

  resume(): void {
    if (this.#isOver) return;
    this.#awaitMore();
    this.#controller?.resume();
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#finish();
    if (this.#head.status === 0) this.#breaker.abandoned();
    this.#controller?.abort(new Error('the caller is gone'));
  }

  /** Never early, since silence is counted from a look; late by two looks at most. */
  look(nowMillis: number): void {
    if (nowMillis >= this.#deadline) return this.#fail(this.#lateAnswer());
    this.#silentSince ??= nowMillis;
    if (nowMillis - this.#silentSince < this.#silenceMillisMax) return;
    this.#silenceMillisMax = Infinity;
    this.#controller?.abort(this.#head === NO_HEAD ? new errors.HeadersTimeoutError() : new errors.BodyTimeoutError());
  }

  /** A stream that only listens may be silent, and last, for ever. */
  #awaitMore(): void {
    if (listens(this.#request.call)) this.#unwatch();
    else this.#awaitWithin(this.#request.server.limits.idleTimeoutMillis);
  }

  #awaitWithin(millis: number): void {
    this.#silenceMillisMax = millis;
    this.#silentSince = undefined;
  }

  /** Whoever is not read has no chance to speak. */
  #pause(): void {
    this.#silenceMillisMax = Infinity;
    this.#controller?.pause();
  }

  #objectionTo(status: number, headers: IncomingHttpHeaders): Refusal | undefined {
    const sessionId = headers[SESSION_HEADER];
    if (sessionId !== undefined && !(typeof sessionId === 'string' && UPSTREAM_SESSION_ID.test(sessionId)))
      return this.#badAnswer('bad_answer', 'a session id that is none');
    return objectionTo(this.#request.server, status, headers);
  }

  /** An answer that could ask for another try is read to its end first: servers say that in plain text too. */
  #refuseType(status: number, type: string): void {
    const what = `status ${status} and content type ${type.slice(0, 64)}`;
    const complaint = badAnswer(this.#request.server, status >= 400 ? 'bad_status' : 'bad_answer', what, { upstreamStatus: status });
    if (status < 400 || this.#secondTry === undefined) return this.#fail(complaint);
    this.#complaint = complaint;
    this.#reading = 'body';
  }

  #beginStream(): void {
    this.#reading = 'events';
    this.#size = new EventSize(this.#request.server.limits.eventBytesMax);
    this.#sink.open(this.#head);
  }

  /** A caller that reads only JSON gets the one event that answers it. */
  #beginCollecting(): void {
    this.#reading = 'collected events';
    this.#collector = new EventCollector(this.#request.server.limits.eventBytesMax, this.#idToken);
  }

  #deliver(body: Buffer): void {
    const fault = this.#reading === 'body' ? this.#faultOf(body) : undefined;
    const complaint = this.#complaint ?? (fault === undefined ? undefined : this.#badAnswer('bad_answer', fault));
    if (complaint === undefined) this.#sink.answer(this.#head, body);
    else this.#sink.fail(complaint);
  }

  /** An error of HTTP may have any body: what matters is its status, by which clients find the right era. */
  #faultOf(body: Buffer): string | undefined {
    if (this.#idToken === undefined) return undefined;
    if (this.#head.status < 400) return faultOfAnswer(body, this.#idToken);
    return answersAnother(body, this.#idToken) ? 'an answer to another request' : undefined;
  }

  #collect(chunk: Buffer): void {
    const answer = this.#collector?.push(chunk);
    if (answer === undefined) return;
    this.#finish();
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
    this.#finish();
    // A server that has begun to answer is there, however long the rest may take.
    if (refusal.reason !== 'total_timeout' || this.#head.status === 0) this.#breaker.failed(refusal, performance.now());
    this.#sink.fail(refusal);
    this.#controller?.abort(refusal);
  }

  #finish(): void {
    this.#isOver = true;
    this.#unwatch();
  }

  #unwatch(): void {
    if (this.#isWatched) this.#watch.end(this);
    this.#isWatched = false;
  }
}

const EMPTY = Buffer.alloc(0);
const NO_HEAD: AnswerHead = { status: 0, contentType: undefined, upstreamSessionId: undefined, headers: [] };
