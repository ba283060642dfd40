/** The door through which one old client comes: its stream, its session with the server, and what is under way between the two. */
import { randomUUID } from 'node:crypto';
import type { GovernedServer } from '../config/governed-server.ts';
import type { AllowedCall, Outcome } from '../evidence.ts';
import type { Exchange } from '../exchange.ts';
import type { Gateway } from '../gateway.ts';
import { AnswerGuard } from '../guardrails/answer-guard.ts';
import { readClientInfo } from '../mcp/client-info.ts';
import { introductionIn } from '../mcp/introduction.ts';
import type { Session, SessionOwner } from '../mcp/session-ids.ts';
import type { Trail } from '../trail.ts';
import { forwardedHeaders } from '../transports/forwarded-headers.ts';
import { poolingId, withCredentialsOf } from '../upstream-auth/held-servers.ts';
import type { AnswerSink, Transport, UpstreamFlight, UpstreamRequest } from '../transports/transport.ts';
import { DoorStream } from './door-stream.ts';
import { UpstreamListener, type ListenerParts, type OpenStreamOf } from './upstream-listener.ts';

/** A message of the client while the server works on it. */
export interface DoorCall {
  /** The client reads again. */
  resume(): void;
  /** The client is gone. */
  leave(): void;
}

export interface DoorParts {
  readonly gateway: Pick<Gateway, 'clock' | 'log' | 'sessions' | 'streams'>;
  readonly transport: Transport;
  /** The GET that opened the door. */
  readonly exchange: Exchange;
  readonly allowed: AllowedCall;
  readonly trail: Trail;
  readonly responseBytesMax: number;
  /** Called once, when the stream has ended. */
  readonly onEnd: (outcome: Outcome) => void;
}

export class EventDoor {
  /** Opaque and not to be guessed. */
  readonly id = randomUUID();
  readonly owner: SessionOwner;
  readonly #parts: DoorParts;
  readonly #stream: DoorStream;
  readonly #calls = new Set<DoorCall>();
  /** As it is configured now. */
  #server: GovernedServer;
  /** Those of the client that go upstream also with what is asked in its place. */
  #headers: readonly string[];
  #session: Session | undefined;
  #listener: UpstreamListener | undefined;
  #isOver = false;

  constructor(parts: DoorParts) {
    const { gateway, exchange, allowed, trail } = parts;
    const { key, server } = allowed.access;
    this.#parts = parts;
    this.owner = { apiKeyId: key.id, serverId: server.config.id };
    this.#server = server;
    this.#headers = forwardedHeaders(exchange.headers, 'legacy');
    this.#stream = new DoorStream(gateway, exchange, trail, allowed.access, {
      session: () => this.#session,
      onRoom: () => this.#resume(),
      onServer: (current) => void (this.#server = withCredentialsOf(this.#server, current)),
      onEnd: (outcome) => this.#end(outcome),
    });
  }

  /** What the server knows the client by, once it is initialised. */
  get session(): Session | undefined {
    return this.#session;
  }

  /** Tells the client where its messages go. One who needs no telling may have come to listen, so that is asked for at once. */
  open(endpoint: string): void {
    this.#stream.open(endpoint);
    this.#listen();
  }

  /** Writes one judged message, without line breaks; false asks for a pause. */
  tell(message: Buffer): boolean {
    return this.#stream.tell(message);
  }

  /** Ends the stream, and with it everything else, with a last event that says why. */
  cut(error: unknown): void {
    this.#stream.cut(error);
  }

  /** Once the door is closed, whoever enters leaves at once. */
  enter(call: DoorCall): void {
    this.#calls.add(call);
    if (this.#isOver) call.leave();
  }

  leave(call: DoorCall): void {
    this.#calls.delete(call);
  }

  /** The server has opened a session, as that message asked; a session from before is at its end. */
  begin(upstreamSessionId: string, initialize: unknown): void {
    const { sessions } = this.#parts.gateway;
    this.#endSession();
    this.#session = sessions.read(sessions.mint(this.owner, upstreamSessionId, readClientInfo(initialize), introductionIn(initialize)), this.owner);
  }

  /** The client is ready to hear what belongs to no call. `exchange` is the message that said so. */
  ready({ headers }: Exchange): void {
    this.#headers = forwardedHeaders(headers, 'legacy');
    // Without a session the server is asked no other question than at first.
    if (this.#session === undefined && this.#listener?.isOver === false) return;
    this.#listener?.cancel();
    this.#listen();
  }

  /** Takes up the stream of a call that the server has ended ahead of its answer, as it may since revision 2025-03-26. */
  comeBack(lastEventId: string, parts: ListenerParts): UpstreamFlight {
    return new UpstreamListener(this.#openUpstream, parts, lastEventId);
  }

  #listen(): void {
    const { allowed, trail } = this.#parts;
    this.#listener = new UpstreamListener(this.#openUpstream, {
      eventBytesMax: this.#server.limits.eventBytesMax,
      newGuard: () => new AnswerGuard(allowed, trail),
      tell: (message) => this.tell(message),
      condemn: (error) => this.cut(error),
      onRefused: () => undefined,
    });
    // What had waited at the server may have been too much for the client.
    if (this.#isOver) this.#listener.cancel();
  }

  readonly #openUpstream: OpenStreamOf = (sink, lastEventId) =>
    this.#parts.transport.send(this.#request('GET', lastEventId === undefined ? [] : ['last-event-id', lastEventId]), sink);

  #resume(): void {
    this.#listener?.resume();
    for (const call of this.#calls) call.resume();
  }

  #end(outcome: Outcome): void {
    this.#isOver = true;
    this.#parts.onEnd(outcome);
    for (const call of this.#calls) call.leave();
    this.#listener?.cancel();
    this.#endSession();
  }

  #endSession(): void {
    if (this.#session === undefined) return;
    const { transport, gateway } = this.#parts;
    const request = this.#request('DELETE');
    this.#session = undefined;
    transport.send(
      request,
      farewell((why) => gateway.log.debug({ why, server: request.server.config.slug }, 'a server did not hear that its client is gone')),
    );
  }

  #request(httpMethod: 'GET' | 'DELETE', headers: readonly string[] = []): UpstreamRequest {
    const { exchange, responseBytesMax } = this.#parts;
    return {
      requestId: exchange.requestId,
      server: this.#server,
      httpMethod,
      tailPath: '',
      call: undefined,
      upstreamSessionId: this.#session?.upstreamSessionId,
      introduction: this.#session?.introduction ?? undefined,
      apiKeyId: poolingId(this.owner.apiKeyId, this.#server),
      forwardedHeaders: [...this.#headers, ...headers],
      acceptsEventStream: httpMethod === 'GET',
      acceptsJson: httpMethod === 'DELETE',
      responseBytesMax,
    };
  }
}

/** Nobody waits for the answer to a farewell. */
function farewell(onFailure: (why: string) => void): AnswerSink {
  return {
    answer: () => undefined,
    open: () => undefined,
    write: () => true,
    end: () => undefined,
    fail: (refusal) => onFailure(refusal.message),
  };
}
