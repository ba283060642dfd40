/** One caller's request while a server works on it under an id of ours: gives the caller its own id and token back, and keeps its limits. */
import { Refusal } from '../../shared/refusal.ts';
import { listens, standsAlone } from '../mcp/revision-claims.ts';
import type { RpcMessage } from '../mcp/rpc-call.ts';
import { EVENTS_HEAD, JSON_HEAD, toEvent } from './answer-forms.ts';
import type { ByteRange } from './json-members.ts';
import { canonicalToken } from './rpc-tokens.ts';
import { blankLineBreaks, splice } from './message-splice.ts';
import type { AnswerSink, UpstreamFlight, UpstreamRequest } from './transport.ts';

/** No timer is longer. */
const TIMER_MILLIS_MAX = 0x7fff_ffff;

export interface CallParts {
  /** The id that the server knows the call by; also its progress token. */
  readonly id: number;
  readonly request: UpstreamRequest;
  readonly message: RpcMessage;
  /** The judged body, whose message this is. */
  readonly bytes: Buffer;
  readonly sink: AnswerSink;
  readonly timeoutMillis: number;
  /** Nobody waits for the call any longer: late answers are dropped, and the server is told to stop. */
  readonly abandon: (call: SplicedCall) => void;
}

export class SplicedCall implements UpstreamFlight {
  readonly id: number;
  readonly #parts: CallParts;
  readonly #timer: NodeJS.Timeout;
  #sentBytes = 0;
  #isOpen = false;
  #isPaused = false;

  constructor(parts: CallParts) {
    this.id = parts.id;
    this.#parts = parts;
    this.#timer = setTimeout(() => this.#expire(), this.listens ? TIMER_MILLIS_MAX : parts.timeoutMillis);
  }

  get method(): string | undefined {
    return this.#parts.message.method;
  }

  /** Whether it needs no session. */
  get standsAlone(): boolean {
    const { call } = this.#parts.request;
    return call !== undefined && standsAlone(call);
  }

  /** Its answer is a stream that lasts until the caller leaves. */
  get listens(): boolean {
    return listens(this.#parts.request.call);
  }

  /** The server's answer, as it came but for the id; `sessionId` is set when it opens a session. Nothing may follow. */
  answer(line: Buffer, idRange: ByteRange, sessionId?: string): void {
    clearTimeout(this.#timer);
    const { request, message, bytes, sink } = this.#parts;
    const body = blankLineBreaks(splice(line, [idRange], bytes.subarray(message.idStart, message.idEnd)));
    if (this.#isTooLarge(body)) return this.fail(tooLarge(request));
    const head = sessionId === undefined ? JSON_HEAD : { ...JSON_HEAD, upstreamSessionId: sessionId };
    if (!this.#isOpen && request.acceptsJson) return sink.answer(head, body);
    if (!this.#isOpen) sink.open({ ...head, contentType: EVENTS_HEAD.contentType });
    sink.write(toEvent(body));
    sink.end();
  }

  /** Tells the caller of progress, when it takes events; true when it was told. Progress may be lost, so a slow caller misses some. */
  progress(line: Buffer, tokenRange: ByteRange): boolean {
    const { message, bytes } = this.#parts;
    if (message.progressTokenStart < 0) return false;
    return this.tell(toEvent(blankLineBreaks(splice(line, [tokenRange], bytes.subarray(message.progressTokenStart, message.progressTokenEnd)))));
  }

  /** Tells the caller what it listens for, under its own id; true when it was told. */
  announce(line: Buffer, idRange: ByteRange): boolean {
    const { message, bytes } = this.#parts;
    return this.tell(toEvent(blankLineBreaks(splice(line, [idRange], bytes.subarray(message.idStart, message.idEnd)))));
  }

  /** Writes an event that is not the answer; false when the caller takes no events, or no more for now. */
  tell(event: Buffer): boolean {
    const { request, sink } = this.#parts;
    if (!request.acceptsEventStream || this.#isPaused || this.#isTooLarge(event)) return false;
    if (!this.#isOpen) sink.open(EVENTS_HEAD);
    this.#isOpen = true;
    this.#sentBytes += event.length;
    this.#isPaused = !sink.write(event);
    return true;
  }

  fail(refusal: Refusal): void {
    clearTimeout(this.#timer);
    this.#parts.sink.fail(refusal);
  }

  /** Whether a `notifications/cancelled` of this caller means this call. */
  isMeantBy(canceller: UpstreamRequest, requestIdToken: string): boolean {
    const { request, message } = this.#parts;
    if (canceller.apiKeyId !== request.apiKeyId || canceller.upstreamSessionId !== request.upstreamSessionId) return false;
    return message.idToken !== undefined && canonicalToken(message.idToken) === requestIdToken;
  }

  resume(): void {
    this.#isPaused = false;
  }

  cancel(): void {
    clearTimeout(this.#timer);
    this.#parts.abandon(this);
  }

  #expire(): void {
    const { request, abandon } = this.#parts;
    abandon(this);
    this.fail(new Refusal('upstream_timeout', 'total_timeout', `server ${request.server.config.slug} did not answer in time`));
  }

  #isTooLarge(body: Buffer): boolean {
    return !this.listens && this.#sentBytes + body.length > this.#parts.request.responseBytesMax;
  }
}

function tooLarge(request: UpstreamRequest): Refusal {
  return new Refusal('upstream_error', 'response_too_large', `server ${request.server.config.slug} answered with more than ${request.responseBytesMax} bytes`);
}
