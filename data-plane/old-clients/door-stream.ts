/** The event stream that an old client holds open: every message for it is one event here, and little is kept for a client who does not read. */
import type { ServerResponse } from 'node:http';
import type { Clock } from '../../shared/clock.ts';
import { asRefusal, Refusal } from '../../shared/refusal.ts';
import type { GovernedServer } from '../config/governed-server.ts';
import { denialBody } from '../denials.ts';
import { EventAsides } from '../event-asides.ts';
import type { Outcome, RpcRequest } from '../evidence.ts';
import type { Exchange } from '../exchange.ts';
import type { Session } from '../mcp/session-ids.ts';
import type { OpenStream, OpenStreams } from '../open-streams.ts';
import { ListVisibility, type Governing } from '../list-visibility.ts';
import type { Trail } from '../trail.ts';
import { toEvent } from '../transports/answer-forms.ts';

/** With more unread bytes than this, the next message ends the stream: an answer that came whole cannot be slowed down. */
const UNREAD_BYTES_MAX = 16 * 1024 * 1024;

type WatchedStreams = Pick<OpenStreams, 'add' | 'remove'>;

/** What becomes of the stream. */
export interface StreamEvents {
  /** What the client has opened by now. */
  session(): Session | undefined;
  /** The client reads again. */
  onRoom(): void;
  /** The server is configured in another way now. */
  onServer(server: GovernedServer): void;
  /** Once. */
  onEnd(outcome: Outcome): void;
}

export class DoorStream implements OpenStream {
  readonly exchange: Exchange;
  readonly #response: ServerResponse;
  readonly #streams: WatchedStreams;
  readonly #asides: EventAsides;
  readonly #trail: Trail;
  readonly #events: StreamEvents;
  readonly #visibility: ListVisibility;
  #outputBytes = 0;
  #isOver = false;

  constructor(gateway: { clock: Clock; streams: WatchedStreams }, exchange: Exchange, trail: Trail, access: Governing, events: StreamEvents) {
    this.exchange = exchange;
    this.#response = exchange.response;
    this.#streams = gateway.streams;
    this.#asides = new EventAsides(exchange.response, gateway.clock);
    this.#trail = trail;
    this.#events = events;
    this.#visibility = new ListVisibility(access);
  }

  /** As the GET of a client with that session would be read. */
  get rpc(): RpcRequest {
    return { call: undefined, message: undefined, era: 'legacy', session: this.#events.session() };
  }

  /** The first event says where messages go. */
  open(endpoint: string): void {
    const response = this.#response;
    const headers = ['Turnpike-Request-Id', this.exchange.requestId, 'Content-Type', 'text/event-stream', 'Cache-Control', 'no-cache, no-transform'];
    response.writeHead(200, [...headers, 'X-Accel-Buffering', 'no']);
    this.#streams.add(this);
    this.#write(Buffer.from(`event: endpoint\ndata: ${endpoint}\n\n`));
    response.on('drain', () => this.#events.onRoom());
    response.on('close', () => this.#end(499, undefined));
    // One who left while the request was being judged is not heard to close any more.
    if (response.closed) this.#end(499, undefined);
  }

  /** Writes one message, which must be without line breaks; false asks for a pause until there is room. */
  tell(message: Buffer): boolean {
    if (this.#isOver) return true;
    if (this.#response.writableLength <= UNREAD_BYTES_MAX) return this.#write(toEvent(message));
    this.#end(499, new Refusal('client_closed_request', 'client_gone', 'the caller does not read what it is sent'));
    this.#response.destroy();
    return true;
  }

  /** Ends the stream with a last event that says why. */
  cut(error: unknown): void {
    if (this.#isOver) return;
    const refusal = asRefusal(error);
    this.#end(refusal.status, refusal);
    this.#response.end(toEvent(Buffer.from(denialBody(refusal, this.exchange, this.#trail))));
  }

  follows(access: Governing): void {
    this.#events.onServer(access.server);
    const changes = this.#visibility.changesWith(access);
    if (changes !== undefined) this.#asides.say(changes);
  }

  keepAlive(silentSince: number): void {
    this.#asides.keepAlive(silentSince);
  }

  #write(event: Buffer): boolean {
    this.#outputBytes += event.length;
    const hasRoom = this.#response.write(event);
    this.#asides.passed(event);
    return hasRoom;
  }

  #end(status: number, failure: Refusal | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#streams.remove(this);
    this.#events.onEnd({ status, outputBytes: this.#outputBytes, upstreamMillis: undefined, isToolError: false, failure });
  }
}
