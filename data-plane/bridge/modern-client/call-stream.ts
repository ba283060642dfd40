/** What a server says in answer to one call, followed to its end: also where it closes the stream in between, to be asked for the rest later. */
import type { RpcCall } from '../../mcp/rpc-call.ts';
import type { ServerMessage } from '../../transports/server-message.ts';
import type { AnswerHead, UpstreamFlight, UpstreamRequest } from '../../transports/transport.ts';
import type { Refusal } from '../../../shared/refusal.ts';
import { ServerEar, type EarEvents } from './server-ear.ts';
import type { SessionLink } from './session-link.ts';

const RETRY_MILLIS = 1000;
const RETRY_MILLIS_MIN = 100;
const RETRY_MILLIS_MAX = 30_000;
const RESUMPTIONS_MAX = 300;

export class CallStream implements EarEvents, UpstreamFlight {
  readonly #link: SessionLink;
  readonly #events: EarEvents;
  #ear = new ServerEar(this);
  #flight: UpstreamFlight | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastEventId: string | undefined;
  #resumptions = 0;
  #isAnswered = false;
  #isCancelled = false;

  constructor(link: SessionLink, events: EarEvents) {
    this.#link = link;
    this.#events = events;
  }

  start(request: UpstreamRequest, call: RpcCall): void {
    this.#follow(this.#link.send(request, call, this.#ear));
  }

  onOpen(): void {
    this.#events.onOpen?.();
  }

  onMessage(bytes: Buffer, message: ServerMessage): void {
    this.#isAnswered ||= message.kind === 'answer';
    this.#events.onMessage(bytes, message);
  }

  onRefused(head: AnswerHead, body: Buffer): void {
    this.#events.onRefused(head, body);
  }

  onEnd(): void {
    if (!this.#resumes()) this.#events.onEnd();
  }

  onFail(refusal: Refusal): void {
    const isLost = refusal.reason === 'connection_lost';
    if (!isLost || !this.#resumes()) this.#events.onFail(refusal);
  }

  hasRoom(): boolean {
    return this.#events.hasRoom();
  }

  resume(): void {
    this.#flight?.resume();
  }

  cancel(): void {
    this.#isCancelled = true;
    clearTimeout(this.#timer);
    this.#flight?.cancel();
  }

  /** A stream whose events have ids may be taken up again behind the last one (MCP 2025-11-25, Transports, resumability). */
  #resumes(): boolean {
    this.#lastEventId = this.#ear.lastEventId ?? this.#lastEventId;
    if (this.#lastEventId === undefined || this.#isAnswered || this.#isCancelled || ++this.#resumptions > RESUMPTIONS_MAX) return false;
    const retryMillis = Math.min(Math.max(this.#ear.retryMillis ?? RETRY_MILLIS, RETRY_MILLIS_MIN), RETRY_MILLIS_MAX);
    this.#timer = setTimeout(() => {
      this.#ear = new ServerEar(this);
      this.#follow(this.#link.listen(this.#ear, this.#lastEventId));
    }, retryMillis);
    return true;
  }

  #follow(flight: UpstreamFlight): void {
    this.#flight = flight;
    if (this.#isCancelled) flight.cancel();
  }
}
