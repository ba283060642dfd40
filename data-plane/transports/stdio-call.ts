/** One caller's request while a child works on it: gives the caller its own id and token back, and keeps its limits. */
import { randomUUID } from 'node:crypto';
import { Refusal } from '../../shared/refusal.ts';
import type { RpcMessage } from '../mcp/rpc-call.ts';
import { findMember, findTopLevelValue, type ByteRange } from './json-members.ts';
import { blankLineBreaks, splice } from './stdio-splice.ts';
import type { AnswerHead, AnswerSink, UpstreamFlight, UpstreamRequest } from './transport.ts';

/** Who works on the call. */
export interface CallHost {
  /** Nobody waits for the call any longer: late answers are dropped, and the child is told to stop. */
  abandon(call: StdioCall): void;
}

export interface CallParts {
  /** The id that the child knows the call by; also its progress token. */
  readonly id: number;
  readonly request: UpstreamRequest;
  readonly message: RpcMessage;
  /** The judged body, whose message this is. */
  readonly bytes: Buffer;
  readonly sink: AnswerSink;
  readonly host: CallHost;
  readonly timeoutMillis: number;
}

export const JSON_HEAD: AnswerHead = { status: 200, contentType: 'application/json', upstreamSessionId: undefined, headers: [] };
const STREAM_HEAD: AnswerHead = { ...JSON_HEAD, contentType: 'text/event-stream' };
const EVENT_START = Buffer.from('event: message\ndata: ');
const EVENT_END = Buffer.from('\n\n');

export class StdioCall implements UpstreamFlight {
  readonly id: number;
  readonly #parts: CallParts;
  readonly #timer: NodeJS.Timeout;
  #sentBytes = 0;
  #isOpen = false;
  #isPaused = false;

  constructor(parts: CallParts) {
    this.id = parts.id;
    this.#parts = parts;
    this.#timer = setTimeout(() => this.#expire(), parts.timeoutMillis);
  }

  get method(): string | undefined {
    return this.#parts.message.method;
  }

  /** The child's answer, as it came but for the id. Nothing may follow. */
  answer(line: Buffer, idRange: ByteRange): void {
    clearTimeout(this.#timer);
    const { request, message, bytes, sink } = this.#parts;
    const body = blankLineBreaks(splice(line, [idRange], bytes.subarray(message.idStart, message.idEnd)));
    if (this.#isTooLarge(body)) return this.fail(tooLarge(request));
    const head = message.method === 'initialize' ? { ...JSON_HEAD, upstreamSessionId: randomUUID() } : JSON_HEAD;
    if (!this.#isOpen && request.acceptsJson) return sink.answer(head, body);
    if (!this.#isOpen) sink.open({ ...head, contentType: STREAM_HEAD.contentType });
    sink.write(toEvent(body));
    sink.end();
  }

  /** Tells the caller of progress, when it takes events; true when it was told. Progress may be lost, so a slow caller misses some. */
  progress(line: Buffer, tokenRange: ByteRange): boolean {
    const { request, message, bytes, sink } = this.#parts;
    if (!request.acceptsEventStream || message.progressTokenStart < 0 || this.#isPaused) return false;
    const body = blankLineBreaks(splice(line, [tokenRange], bytes.subarray(message.progressTokenStart, message.progressTokenEnd)));
    if (this.#isTooLarge(body)) return false;
    if (!this.#isOpen) sink.open(STREAM_HEAD);
    this.#isOpen = true;
    this.#sentBytes += body.length;
    this.#isPaused = !sink.write(toEvent(body));
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
    this.#parts.host.abandon(this);
  }

  #expire(): void {
    const { request, host } = this.#parts;
    host.abandon(this);
    this.fail(new Refusal('upstream_timeout', 'total_timeout', `server ${request.server.config.slug} did not answer in time`));
  }

  #isTooLarge(body: Buffer): boolean {
    return this.#sentBytes + body.length > this.#parts.request.responseBytesMax;
  }
}

/** The request that a `notifications/cancelled` names, as a token that can be compared, and where it stands in the bytes. */
export function readCancelled(bytes: Buffer): { token: string; range: ByteRange } | undefined {
  const params = findTopLevelValue(bytes, 'params');
  const range = params === undefined ? undefined : findMember(bytes, params, 'requestId');
  return range === undefined ? undefined : { token: canonicalToken(bytes.toString('utf8', range.start, range.end)), range };
}

/** One spelling for each string; numbers stay as they are written, since parsing them loses digits. */
export function canonicalToken(token: string): string {
  return token.includes('\\') ? JSON.stringify(JSON.parse(token)) : token;
}

function toEvent(body: Buffer): Buffer {
  return Buffer.concat([EVENT_START, body, EVENT_END]);
}

function tooLarge(request: UpstreamRequest): Refusal {
  return new Refusal('upstream_error', 'response_too_large', `server ${request.server.config.slug} answered with more than ${request.responseBytesMax} bytes`);
}
