/** One caller's request on a connection to an HTTP+SSE server: gives the caller its own id and token back, and keeps its limits. */
import { Refusal } from '../../shared/refusal.ts';
import type { RpcMessage } from '../mcp/rpc-call.ts';
import type { ByteRange } from './json-members.ts';
import { toEvent, EVENTS_HEAD, JSON_HEAD } from './sse-answers.ts';
import { canonicalToken } from './stdio-call.ts';
import { blankLineBreaks, splice } from './stdio-splice.ts';
import type { AnswerSink, UpstreamFlight, UpstreamRequest } from './transport.ts';

export interface SseCallParts {
  /** The id that the server knows the call by; also its progress token. */
  readonly id: number;
  readonly request: UpstreamRequest;
  readonly message: RpcMessage;
  /** The judged body, whose message this is. */
  readonly bytes: Buffer;
  readonly sink: AnswerSink;
  readonly timeoutMillis: number;
  /** Nobody waits for the call any longer: late answers are dropped, and the server is told to stop. */
  readonly abandon: (call: SseCall) => void;
}

export class SseCall implements UpstreamFlight {
  readonly id: number;
  readonly #parts: SseCallParts;
  readonly #timer: NodeJS.Timeout;
  #sentBytes = 0;
  #isOpen = false;
  #isPaused = false;

  constructor(parts: SseCallParts) {
    this.id = parts.id;
    this.#parts = parts;
    this.#timer = setTimeout(() => this.#expire(), parts.timeoutMillis);
  }

  get method(): string | undefined {
    return this.#parts.message.method;
  }

  /** The server's answer, as it came but for the id. Nothing may follow. */
  answer(data: Buffer, idRange: ByteRange, upstreamSessionId: string | undefined): void {
    clearTimeout(this.#timer);
    const { request, message, bytes, sink } = this.#parts;
    const body = blankLineBreaks(splice(data, [idRange], bytes.subarray(message.idStart, message.idEnd)));
    if (this.#isTooLarge(body)) return this.fail(tooLarge(request));
    if (!this.#isOpen && request.acceptsJson) return sink.answer({ ...JSON_HEAD, upstreamSessionId }, body);
    if (!this.#isOpen) sink.open({ ...EVENTS_HEAD, upstreamSessionId });
    sink.write(toEvent(body));
    sink.end();
  }

  /** Tells the caller of progress when it takes events. Progress may be lost, so a slow caller misses some. */
  progress(data: Buffer, tokenRange: ByteRange): void {
    const { message, bytes } = this.#parts;
    if (message.progressTokenStart < 0) return;
    this.tell(splice(data, [tokenRange], bytes.subarray(message.progressTokenStart, message.progressTokenEnd)));
  }

  /** Sends a message ahead of the answer; false when the caller takes none, or none at the moment. */
  tell(data: Buffer): boolean {
    const { request, sink } = this.#parts;
    // The session that an answer to `initialize` opens is told in its head, which must not be sent before.
    if (!request.acceptsEventStream || this.#isPaused || this.method === 'initialize' || this.#isTooLarge(data)) return false;
    if (!this.#isOpen) sink.open(EVENTS_HEAD);
    this.#isOpen = true;
    this.#sentBytes += data.length;
    this.#isPaused = !sink.write(toEvent(blankLineBreaks(data)));
    return true;
  }

  fail(refusal: Refusal): void {
    clearTimeout(this.#timer);
    this.#parts.sink.fail(refusal);
  }

  /** Whether a `notifications/cancelled` of this connection's caller means this call. */
  isMeantBy(requestIdToken: string): boolean {
    const { idToken } = this.#parts.message;
    return idToken !== undefined && this.method !== 'initialize' && canonicalToken(idToken) === requestIdToken;
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
    return this.#sentBytes + body.length > this.#parts.request.responseBytesMax;
  }
}

function tooLarge(request: UpstreamRequest): Refusal {
  return new Refusal('upstream_error', 'response_too_large', `server ${request.server.config.slug} answered with more than ${request.responseBytesMax} bytes`);
}
