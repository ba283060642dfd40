/** The stream of a session for what belongs to no call: opened when somebody listens, opened again when the server closes it. */
import { Refusal } from '../../../shared/refusal.ts';
import type { ServerMessage } from '../../transports/server-message.ts';
import type { AnswerHead, UpstreamFlight } from '../../transports/transport.ts';
import { ServerEar, type EarEvents } from './server-ear.ts';
import type { SessionLink } from './session-link.ts';

export interface StreamEvents {
  onMessage(bytes: Buffer, message: ServerMessage): void;
  /** The stream is gone and cannot be had again: messages may have been missed. */
  onLost(): void;
}

/** Some servers send nothing, not even the head of their answer, before there is something to say. */
const OPENING_MILLIS_MAX = 3000;
/** Twice as long each time that nothing was heard. */
const REOPEN_MILLIS = 1000;
const REOPEN_MILLIS_MAX = 60_000;

export class SessionStream implements EarEvents {
  readonly #link: SessionLink;
  readonly #events: StreamEvents;
  #flight: UpstreamFlight | undefined;
  #opening: PromiseWithResolvers<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Servers need not offer one (MCP 2025-11-25, Transports): then there is nothing to hear, and nothing wrong. */
  #isMissing = false;
  /** How often it was opened again since something was last heard on it. */
  #reopenings = 0;
  #ear = new ServerEar(this);

  constructor(link: SessionLink, events: StreamEvents) {
    this.#link = link;
    this.#events = events;
  }

  /** Resolves when the server can be heard, or is known to say nothing. Rejects with a refusal. */
  open(): Promise<void> {
    if (this.#isMissing) return Promise.resolve();
    if (this.#opening === undefined) {
      clearTimeout(this.#timer);
      this.#opening = Promise.withResolvers();
      // Whoever waits hears of it; there may be nobody.
      this.#opening.promise.catch(() => undefined);
      this.#timer = setTimeout(() => this.#opening?.resolve(), OPENING_MILLIS_MAX);
      const { lastEventId } = this.#ear;
      this.#ear = new ServerEar(this);
      this.#flight = this.#link.listen(this.#ear, lastEventId);
    }
    return this.#opening.promise;
  }

  /** Whoever waits for it waits in vain. */
  close(): void {
    this.#opening?.reject(new Refusal('mcp_not_found', 'unknown_session', 'the session with the server is over'));
    this.#leave();
  }

  onOpen(): void {
    clearTimeout(this.#timer);
    this.#opening?.resolve();
  }

  onMessage(bytes: Buffer, message: ServerMessage): void {
    this.#reopenings = 0;
    this.#events.onMessage(bytes, message);
  }

  onRefused({ status }: AnswerHead): void {
    this.onFail(new Refusal('upstream_error', 'bad_status', `the server offers no stream (status ${status})`, { upstreamStatus: status }));
  }

  onEnd(): void {
    if (this.#opening === undefined) return;
    this.#opening.resolve();
    this.#leave();
    const delayMillis = Math.min(REOPEN_MILLIS * 2 ** this.#reopenings++, REOPEN_MILLIS_MAX);
    this.#timer = setTimeout(() => void this.open(), delayMillis);
  }

  onFail(refusal: Refusal): void {
    const opening = this.#opening;
    if (opening === undefined) return;
    this.#leave();
    if (this.#reopenings === 0 && saysThereIsNone(refusal)) return this.#doWithout(opening, refusal);
    opening.reject(refusal);
    this.#events.onLost();
  }

  hasRoom(): boolean {
    return true;
  }

  #leave(): void {
    clearTimeout(this.#timer);
    const flight = this.#flight;
    this.#flight = undefined;
    this.#opening = undefined;
    flight?.cancel();
  }

  /** By 404 or 400 a server says that it has no stream, or that it has no such session: a word in the session tells which. */
  #doWithout(opening: PromiseWithResolvers<void>, { facts: { upstreamStatus } }: Refusal): void {
    const isKnown = upstreamStatus === 404 || upstreamStatus === 400 ? this.#link.isKnown() : Promise.resolve(true);
    isKnown.then((isThere) => {
      this.#isMissing = isThere;
      if (isThere) opening.resolve();
      else opening.reject(new Refusal('mcp_not_found', 'unknown_session', 'the server has forgotten the session'));
    }, opening.reject);
  }
}

function saysThereIsNone({ reason, facts }: Refusal): boolean {
  return reason === 'method_not_allowed' || (facts.upstreamStatus !== undefined && facts.upstreamStatus < 500);
}
