/** Relays an upstream's answer to the caller: bytes as they came, but for what rules hide or block in them. */
import { Refusal } from '../shared/refusal.ts';
import { denialBody } from './denials.ts';
import { EventAsides } from './event-asides.ts';
import type { AllowedCall, Outcome, RpcRequest } from './evidence.ts';
import type { Exchange } from './exchange.ts';
import type { Gateway } from './gateway.ts';
import { AnswerGuard } from './guardrails/answer-guard.ts';
import { readClientInfo } from './mcp/client-info.ts';
import { introductionIn } from './mcp/introduction.ts';
import { ListVisibility, type Governing } from './list-visibility.ts';
import { listens } from './mcp/revision-claims.ts';
import { SESSION_HEADER } from './mcp/session-ids.ts';
import type { OpenStream } from './open-streams.ts';
import type { Trail } from './trail.ts';
import type { AnswerHead, AnswerSink, UpstreamFlight } from './transports/transport.ts';

/** Up to here Node joins head and body into one write when the body is text; in Latin-1 every byte is a character and back. */
const JOINED_BYTES_MAX = 16_384;

export class AnswerRelay implements AnswerSink, OpenStream {
  readonly #gateway: Pick<Gateway, 'clock' | 'sessions' | 'streams'>;
  readonly exchange: Exchange;
  readonly rpc: RpcRequest;
  readonly #allowed: AllowedCall;
  readonly #trail: Trail;
  readonly #guard: AnswerGuard;
  readonly #finish: (outcome: Outcome) => void;
  readonly #startedAt: number;
  #flight: UpstreamFlight | undefined;
  #status = 0;
  #outputBytes = 0;
  /** Of an event stream; nothing else can be added to. */
  #asides: EventAsides | undefined;
  /** Only a stream that was opened to listen may hear of what belongs to no call. */
  #visibility: ListVisibility | undefined;
  #isOver = false;

  constructor(
    gateway: Pick<Gateway, 'clock' | 'sessions' | 'streams'>,
    exchange: Exchange,
    allowed: AllowedCall,
    trail: Trail,
    finish: (outcome: Outcome) => void,
  ) {
    this.#gateway = gateway;
    this.exchange = exchange;
    this.rpc = allowed.rpc;
    this.#allowed = allowed;
    this.#trail = trail;
    this.#finish = finish;
    this.#startedAt = gateway.clock.elapsed();
    this.#guard = new AnswerGuard(allowed, trail);
  }

  /** Ties the relay to the flight that feeds it; a caller who leaves ends the relay. */
  follow(flight: UpstreamFlight): void {
    this.#flight = flight;
    // One who left while the request was being judged is not heard to close any more.
    if (this.exchange.response.closed) return this.#callerLeft();
    // Never taken off again, which would cost more than being told of an end that is known.
    if (!this.#isOver) this.exchange.response.on('close', () => this.#callerLeft());
  }

  answer(head: AnswerHead, body: Buffer): void {
    if (this.#isOver) return;
    try {
      const guarded = this.#guard.judge(body);
      const { response } = this.exchange;
      response.writeHead(head.status, this.#headersOf(head, guarded.length));
      if (guarded.length <= JOINED_BYTES_MAX) response.end(guarded.toString('latin1'), 'latin1');
      else response.end(guarded);
      this.#outputBytes = guarded.length;
      this.#end(head.status, undefined);
    } catch (error) {
      this.#fail(error);
    }
  }

  open(head: AnswerHead): void {
    if (this.#isOver) return;
    const { response } = this.exchange;
    response.writeHead(head.status, [...this.#headersOf(head, undefined), 'Cache-Control', 'no-cache, no-transform', 'X-Accel-Buffering', 'no']);
    response.flushHeaders();
    response.on('drain', () => this.#flight?.resume());
    this.#status = head.status;
    if (head.contentType?.startsWith('text/event-stream') === true) this.#asides = new EventAsides(response, this.#gateway.clock);
    if (this.#allowed.rpc.call === undefined) this.#visibility = new ListVisibility(this.#allowed.access);
    this.#gateway.streams.add(this);
  }

  write(chunk: Buffer): boolean {
    if (this.#isOver) return true;
    try {
      return this.#send(this.#guard.push(chunk));
    } catch (error) {
      this.#fail(error);
      this.#flight?.cancel();
      return true;
    }
  }

  end(): void {
    if (this.#isOver) return;
    try {
      this.#send(this.#guard.end());
      this.exchange.response.end();
      this.#end(this.#status, undefined);
    } catch (error) {
      this.#fail(error);
    }
  }

  fail(refusal: Refusal): void {
    this.#fail(refusal);
  }

  cut(refusal: Refusal): void {
    this.#fail(refusal);
    this.#flight?.cancel();
  }

  keepAlive(silentSince: number): void {
    this.#asides?.keepAlive(silentSince);
  }

  follows(access: Governing): void {
    const changes = this.#visibility?.changesWith(access);
    if (changes !== undefined) this.#asides?.say(changes);
  }

  #send(parts: Iterable<Buffer>): boolean {
    let hasRoom = true;
    for (const part of parts) {
      this.#outputBytes += part.length;
      hasRoom = this.exchange.response.write(part);
      this.#asides?.passed(part);
    }
    return hasRoom;
  }

  /** A stream that has begun is told its ending as a last event; before that, the denial is the server's to write. */
  #fail(error: unknown): void {
    if (this.#isOver) return;
    const { response } = this.exchange;
    const refusal = error instanceof Refusal ? error : new Refusal('internal', 'internal', undefined, {}, { cause: error });
    if (response.headersSent) response.end(`${this.#asides?.gap ?? ''}event: message\ndata: ${denialBody(refusal, this.exchange, this.#trail)}\n\n`);
    this.#end(refusal.status, refusal);
  }

  #end(status: number, failure: Refusal | undefined): void {
    this.#isOver = true;
    if (this.#status !== 0) this.#gateway.streams.remove(this);
    this.#finish({
      status,
      outputBytes: this.#outputBytes,
      upstreamMillis: this.#gateway.clock.elapsed() - this.#startedAt,
      isToolError: this.#guard.sawError,
      failure,
    });
  }

  /**
   * Up to revision 2025-11-25 a lost connection is no cancellation, so a call that is under way may finish unheard; a stream
   * that only listens has nothing to finish (MCP 2025-11-25, Transports). Since then it is how a call is cancelled (MCP 2026-07-28).
   */
  #callerLeft(): void {
    if (this.#isOver) return;
    const { call, era } = this.#allowed.rpc;
    const isListening = listens(call);
    if (isListening || era === 'modern') this.#flight?.cancel();
    this.#end(499, isListening ? undefined : new Refusal('client_closed_request', 'client_gone'));
  }

  #headersOf(head: AnswerHead, bodyBytes: number | undefined): string[] {
    const headers = ['Turnpike-Request-Id', this.exchange.requestId];
    if (head.contentType !== undefined) headers.push('Content-Type', head.contentType);
    if (bodyBytes !== undefined) headers.push('Content-Length', String(bodyBytes));
    headers.push(...head.headers);
    const sessionId = this.#mintSession(head);
    if (sessionId !== undefined) headers.push(SESSION_HEADER, sessionId);
    return headers;
  }

  /** Only the answer to `initialize` opens a session; what an upstream sends elsewhere is its own affair. */
  #mintSession(head: AnswerHead): string | undefined {
    const { message, era } = this.#allowed.rpc;
    if (head.upstreamSessionId === undefined || era === 'modern' || message?.method !== 'initialize') return undefined;
    const { key, server } = this.#allowed.access;
    const owner = { apiKeyId: key.id, serverId: server.config.id };
    const { sessions } = this.#gateway;
    const about = [owner, head.upstreamSessionId, readClientInfo(message.value), introductionIn(message.value)] as const;
    // Any node reaches a server by itself, but a process or an open connection is on this one.
    return server.config.transport === 'STREAMABLE_HTTP' ? sessions.mint(...about) : sessions.mintHere(...about);
  }
}
