/** One connection to an HTTP+SSE server: messages are posted, answers come over its event stream and find the calls that wait for them. */
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { Refusal } from '../../shared/refusal.ts';
import type { GovernedServer } from '../config/governed-server.ts';
import type { RpcMessage } from '../mcp/rpc-call.ts';
import { toEvent } from './answer-forms.ts';
import { CallsUnderWay } from './calls-under-way.ts';
import { SseHandshake } from './sse-handshake.ts';
import { SseInbox } from './sse-inbox.ts';
import type { SseLimits } from './sse-limits.ts';
import { SseLink } from './sse-link.ts';
import { SseQuestions } from './sse-questions.ts';
import { readCancelled } from './rpc-tokens.ts';
import { SplicedCall } from './spliced-call.ts';
import { HANDSHAKE_ID, replyTo, toCancelledLine } from './lifecycle-lines.ts';
import { readServerMessage, type ServerMessage } from './server-message.ts';
import { blankLineBreaks, splice, spliceRequest } from './message-splice.ts';
import type { AnswerSink, UpstreamFlight, UpstreamRequest } from './transport.ts';
import { refusalOfUpstreamError } from './upstream-errors.ts';
import { badAnswer } from './upstream-objections.ts';
import type { UpstreamTarget } from './upstream-target.ts';

export interface ConnectionParts {
  readonly server: GovernedServer;
  readonly target: UpstreamTarget;
  readonly apiKeyId: string;
  /** Initialised by ourselves and lent to callers without a session, of whom the server cannot ask anything. */
  readonly isAmbient: boolean;
  readonly limits: SseLimits;
  readonly log: Logger;
  /** Called once, before the calls fail. */
  readonly onEnd: (connection: SseConnection) => void;
}

export class SseConnection {
  /** Opaque and not to be guessed: it leads back here, from within a session id of ours. */
  readonly id = randomUUID();
  readonly server: GovernedServer;
  readonly apiKeyId: string;
  readonly #parts: ConnectionParts;
  readonly #log: Logger;
  readonly #link: SseLink;
  readonly #inbox: SseInbox;
  readonly #calls = new CallsUnderWay();
  readonly #questions: SseQuestions;
  readonly #ready = Promise.withResolvers<void>();
  /** Rejects with the refusal for which it never could be used, or was not wanted any more. */
  readonly opened = this.#ready.promise;
  readonly #openTimer: NodeJS.Timeout;
  readonly #idleTimer: NodeJS.Timeout;
  #handshake: SseHandshake | undefined;
  #isInitialised = false;
  /** Why the connection ends with its last call. */
  #retirement: Refusal | undefined;
  #isOver = false;

  constructor(parts: ConnectionParts) {
    const { server, target, limits } = parts;
    this.#parts = parts;
    this.server = server;
    this.apiKeyId = parts.apiKeyId;
    this.#log = parts.log.child({ server: server.config.slug, connection: this.id.slice(0, 8) });
    this.#link = new SseLink(server, target, {
      onMessage: (data) => this.#read(data),
      onComment: () => this.#inbox.keepAlive(),
      onEnd: (refusal) => this.end(refusal),
    });
    this.#questions = new SseQuestions(limits.serverRequestsMax);
    this.#inbox = new SseInbox(limits, {
      onFull: () => this.#link.pause(),
      onRoom: () => this.#link.resume(),
      onLeft: () => this.#touch(),
    });
    this.#idleTimer = setTimeout(() => this.#endIfIdle(), limits.idleMillis).unref();
    this.#openTimer = setTimeout(
      () => this.end(new Refusal('upstream_timeout', 'header_timeout', `'${server.config.slug}' did not open a connection in time`)),
      server.limits.headersTimeoutMillis,
    );
  }

  /** Asks the server for its event stream. Messages may be given before it has come. */
  open(): void {
    this.#prepare().then(
      () => this.#ready.resolve(),
      (error: unknown) => this.end(refusalOfUpstreamError(error, this.server)),
    );
    // Whoever sends something hears of it; there may be nobody.
    this.#ready.promise.catch(() => undefined);
  }

  get isIdle(): boolean {
    return this.#calls.size === 0 && !this.#inbox.isListened;
  }

  /** Sends a request; every ending arrives at the sink. Throws a refusal when the connection carries as many as it may. */
  call(request: UpstreamRequest, message: RpcMessage, bytes: Buffer, sink: AnswerSink): UpstreamFlight {
    const { inFlightMax } = this.#parts.limits;
    const timeoutMillis = request.server.limits.totalTimeoutMillis;
    if (this.#calls.size >= inFlightMax)
      throw new Refusal('overloaded', 'concurrent_requests', `server ${this.server.config.slug} works on as many calls as it may`, { limit: inFlightMax });
    this.#touch();
    const id = this.#calls.nextId();
    const call = new SplicedCall({ id, request, message, bytes, sink, timeoutMillis, abandon: (abandoned) => this.#abandon(abandoned) });
    this.#calls.add(call);
    this.#send(spliceRequest(bytes, message, id), request.forwardedHeaders).catch((error: unknown) => {
      const refusal = refusalOfUpstreamError(error, this.server);
      if (this.#drop(call)) call.fail(refusal);
      if (message.method === 'initialize') this.end(refusal);
    });
    return call;
  }

  /** Passes a notification on, or the caller's answer to a request of the server's. Resolves when the server has taken it. */
  async forward(request: UpstreamRequest, message: RpcMessage, bytes: Buffer): Promise<void> {
    this.#touch();
    if (message.method === 'notifications/cancelled') return this.#cancel(request, bytes);
    const give = () => this.#send(bytes, request.forwardedHeaders);
    await (message.idToken === undefined ? give() : this.#questions.settle(message.idToken, give));
  }

  /** Opens the stream that gets what belongs to no call. */
  listen(sink: AnswerSink): UpstreamFlight {
    return this.#inbox.listen(sink);
  }

  /** Takes no further calls; those under way are the last. */
  retire(refusal: Refusal): void {
    this.#retirement = refusal;
    if (this.#calls.size === 0) this.end(refusal);
  }

  /** Closes the connection; what is under way fails with the refusal, or for `endedByCaller` the open stream just ends. */
  end(refusal: Refusal, endedByCaller = false): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#idleTimer);
    clearTimeout(this.#openTimer);
    this.#parts.onEnd(this);
    this.#link.close(refusal);
    this.#handshake?.giveUp(refusal);
    this.#ready.reject(refusal);
    this.#calls.failAll(refusal);
    this.#inbox.close(endedByCaller ? undefined : refusal);
    this.#log.debug({ why: refusal.message }, 'a connection to an HTTP+SSE server has ended');
  }

  async #prepare(): Promise<void> {
    await this.#link.open();
    if (this.#parts.isAmbient && !this.#isOver) await (this.#handshake = new SseHandshake()).perform(this.#link);
    clearTimeout(this.#openTimer);
  }

  async #send(body: Buffer, headers: readonly string[]): Promise<void> {
    await this.#ready.promise;
    try {
      await this.#link.post(body, headers);
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== 'mcp_not_found') throw error;
      throw this.#forgotten(error);
    }
  }

  /** A server that knows the session no more will never answer on it: a caller who opened it starts over, one who never did is not told of it. */
  #forgotten(refusal: Refusal): Refusal {
    const told = this.#parts.isAmbient || !this.#isInitialised ? badAnswer(this.server, 'bad_status', 'status 404 to a message') : refusal;
    this.end(told);
    return told;
  }

  #read(data: Buffer): void {
    const message = readServerMessage(data);
    switch (message.kind) {
      case 'answer':
        return this.#readAnswer(data, message);
      case 'progress':
        return void this.#calls.get(message.token)?.progress(data, message.tokenRange);
      case 'request':
        return this.#readRequest(data, message.method, data.subarray(message.idRange.start, message.idRange.end));
      case 'notification':
        if (!this.#parts.isAmbient) this.#tell(data);
        return;
      case 'noise':
        this.#log.debug('an event that is no message');
    }
  }

  #readAnswer(data: Buffer, answer: ServerMessage & { kind: 'answer' }): void {
    if (answer.id === HANDSHAKE_ID) return this.#handshake?.hear(answer.isUsable && answer.isResult, this.server);
    const call = this.#calls.get(answer.id);
    if (call === undefined || !this.#drop(call)) return;
    if (!answer.isUsable) return call.fail(badAnswer(this.server, 'bad_answer', 'neither a result nor an error'));
    if (call.method !== 'initialize') return call.answer(data, answer.idRange, undefined);
    this.#isInitialised = answer.isResult;
    call.answer(data, answer.idRange, answer.isResult ? this.id : undefined);
    if (!answer.isResult) this.end(badAnswer(this.server, 'bad_answer', 'a refusal to be initialised'));
  }

  /** A ping must be answered although nobody listens, or the server gives the connection up. */
  #readRequest(data: Buffer, method: string, idToken: Buffer): void {
    if (this.#parts.isAmbient || (method === 'ping' && !this.#inbox.isListened)) {
      this.#send(replyTo(method, idToken), []).catch((error: unknown) => this.#log.debug({ err: error }, 'a server was not told that there is nobody to ask'));
      return;
    }
    this.#questions.ask(idToken.toString('utf8'));
    this.#tell(data);
  }

  /** To one stream: the one that the caller holds open, else that of the newest call which takes events, else it waits. */
  #tell(data: Buffer): void {
    const line = blankLineBreaks(data);
    if (!this.#inbox.isListened && this.#calls.tell(toEvent(line))) return;
    this.#inbox.deliver(line);
  }

  /** Tells the server with our id for the request, and ends the call: a cancelled request gets no answer (MCP 2025-11-25, Cancellation). */
  async #cancel(request: UpstreamRequest, bytes: Buffer): Promise<void> {
    const cancelled = readCancelled(bytes);
    const call = cancelled === undefined ? undefined : this.#calls.meantBy(request, cancelled.token);
    if (cancelled === undefined || call === undefined) return;
    this.#drop(call);
    call.fail(new Refusal('client_closed_request', 'client_gone', 'the caller cancelled this request'));
    await this.#send(splice(bytes, [cancelled.range], Buffer.from(String(call.id))), request.forwardedHeaders);
  }

  #abandon(call: SplicedCall): void {
    if (!this.#drop(call)) return;
    if (call.method === 'initialize') return this.end(new Refusal('client_closed_request', 'client_gone', 'nobody waits for this session'));
    this.#send(toCancelledLine(call.id), []).catch((error: unknown) => this.#log.debug({ err: error }, 'a server was not told that nobody waits'));
  }

  /** False when the call had ended already. */
  #drop(call: SplicedCall): boolean {
    const wasThere = this.#calls.remove(call);
    this.#touch();
    if (this.#retirement !== undefined && this.#calls.size === 0) this.end(this.#retirement);
    return wasThere;
  }

  #touch(): void {
    if (!this.#isOver) this.#idleTimer.refresh();
  }

  /** Looked at when the timer fires: a call that ends or a stream that is left sets it anew. */
  #endIfIdle(): void {
    if (this.isIdle) this.end(new Refusal('mcp_not_found', 'unknown_session', 'this session was not used for too long'));
    else this.#touch();
  }
}
