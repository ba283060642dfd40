/** Both ways of one connection to an HTTP+SSE server: the event stream that it answers on, and the endpoint that it names there for messages. */
import type { Refusal } from '../../shared/refusal.ts';
import type { GovernedServer } from '../config/governed-server.ts';
import { readEndpoint } from './sse-endpoint.ts';
import { SsePoster } from './sse-poster.ts';
import { SseStream } from './sse-stream.ts';
import { refusalOfUpstreamError } from './upstream-errors.ts';
import type { UpstreamTarget } from './upstream-target.ts';

export interface LinkEvents {
  onMessage(data: Buffer): void;
  onComment(): void;
  /** The link is of no use any longer. */
  onEnd(refusal: Refusal): void;
}

export class SseLink {
  readonly #server: GovernedServer;
  readonly #target: UpstreamTarget;
  readonly #events: LinkEvents;
  readonly #stream: SseStream;
  readonly #poster: SsePoster;

  constructor(server: GovernedServer, target: UpstreamTarget, events: LinkEvents) {
    this.#server = server;
    this.#target = target;
    this.#events = events;
    this.#poster = new SsePoster(server, target);
    this.#stream = new SseStream(server, {
      onEvent: (type, data) => this.#read(type, data),
      onComment: () => events.onComment(),
      onEnd: (refusal) => events.onEnd(refusal),
    });
  }

  /** Asks for the event stream; settles when the server has named its endpoint. */
  async open(): Promise<void> {
    const { streamPool, path, streamHeaders } = this.#target;
    const headersTimeout = this.#server.limits.headersTimeoutMillis;
    streamPool.dispatch({ path, method: 'GET', headers: [...streamHeaders], headersTimeout, bodyTimeout: 0 }, this.#stream);
    await this.#poster.named;
  }

  /** Resolves when the server has taken the message. `mcp_not_found` says that it knows this connection no more. */
  post(body: Buffer, headers: readonly string[]): Promise<void> {
    return this.#poster.post(body, headers);
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  close(refusal: Refusal): void {
    this.#stream.close();
    this.#poster.giveUp(refusal);
  }

  #read(type: string, text: string): void {
    if (type === 'message') return this.#events.onMessage(Buffer.from(text));
    if (type !== 'endpoint') return;
    try {
      this.#poster.name(readEndpoint(text, this.#server.config.endpointUrl ?? '', this.#server));
    } catch (error) {
      this.#events.onEnd(refusalOfUpstreamError(error, this.#server));
    }
  }
}
