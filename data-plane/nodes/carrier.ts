/** Carries a request to the node that holds its session: what the other node makes of it comes back as it is, and nothing is judged or counted here. */
import { Agent, request as httpRequest, type ClientRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream';
import type { Logger } from 'pino';
import { SESSION_HEADER, type SessionIds } from '../mcp/session-ids.ts';
import { CARRIED_HEADER, MISDIRECTED, originOfSocket, type NodeProofs } from './node-proofs.ts';

export interface CarrierParts {
  readonly sessions: SessionIds;
  /** By which old clients post to the streams that they hold open. */
  readonly doorIds: SessionIds;
  readonly proofs: NodeProofs;
  readonly log: Logger;
  /** How the other nodes reach this one. */
  readonly ownUrl: string | undefined;
}

/** `unreachable`: nothing has been sent or answered. `lost`: the other node may have done all of it; nothing has been answered. */
export type CarryEnding = 'carried' | 'unreachable' | 'lost';

const CONNECT_TIMEOUT_MILLIS = 1000;
/** So that a machine that went away without a word is noticed. */
const PROBE_MILLIS = 15_000;
/** Of one connection, not of the request (RFC 9110, 7.6.1); `Expect` has been answered here. */
const HOP_HEADERS: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade', 'expect', CARRIED_HEADER]);

export class Carrier {
  readonly #parts: CarrierParts;
  readonly #agent = new Agent({ keepAlive: true, keepAliveMsecs: PROBE_MILLIS });

  constructor(parts: CarrierParts) {
    this.#parts = parts;
  }

  /** The URL of the other node that holds the session of a request; undefined for nearly all of them, at the price of a look at one letter. */
  holderOf(request: IncomingMessage): string | undefined {
    if (request.headers[CARRIED_HEADER] !== undefined) return undefined;
    const holder = this.#namedIn(request);
    return holder === this.#parts.ownUrl ? undefined : holder;
  }

  carry(holder: string, request: IncomingMessage, response: ServerResponse): Promise<CarryEnding> {
    return new Promise((resolve) => {
      const outgoing = this.#begin(holder, request);
      let isConnected = false;
      whenConnected(outgoing, () => {
        isConnected = true;
        request.pipe(outgoing);
      });
      outgoing.on('response', (incoming) => {
        this.#relay(incoming, request, response, () => resolve('carried'));
      });
      outgoing.on('error', (error) => {
        request.unpipe(outgoing);
        this.#parts.log.debug({ err: error, holder }, 'the node that holds a session could not be heard to the end');
        resolve(response.headersSent || response.closed ? 'carried' : isConnected ? 'lost' : 'unreachable');
      });
      response.once('close', () => {
        // What has been answered in full leaves a connection that others may have taken over.
        if (!response.writableFinished) outgoing.destroy();
      });
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  #namedIn({ headers, url = '' }: IncomingMessage): string | undefined {
    const { sessions, doorIds } = this.#parts;
    const sessionId = headers[SESSION_HEADER];
    if (typeof sessionId === 'string') return sessions.nodeOf(sessionId);
    const doorId = doorIdInQuery(url);
    return doorId === undefined ? undefined : doorIds.nodeOf(doorId);
  }

  #begin(holder: string, request: IncomingMessage): ClientRequest {
    const { hostname, port } = new URL(holder);
    const proof = this.#parts.proofs.prove(request, originOfSocket(request));
    return httpRequest({
      agent: this.#agent,
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? 80 : port,
      method: request.method,
      path: request.url,
      headers: [...withoutHopHeaders(request.rawHeaders), CARRIED_HEADER, proof],
    });
  }

  #relay(incoming: IncomingMessage, request: IncomingMessage, response: ServerResponse, done: () => void): void {
    const { statusCode = 502 } = incoming;
    if (statusCode === MISDIRECTED) this.#parts.log.warn('another node does not believe this one: their clocks or their secret keys differ');
    // What is left of a body that was refused is not read: the connection ends with the answer.
    const closing = request.complete ? [] : ['Connection', 'close'];
    const headers = withoutHopHeaders(incoming.rawHeaders).filter((_text, at, flat) => flat[at - (at % 2)]?.toLowerCase() !== 'transfer-encoding');
    response.writeHead(statusCode, [...headers, ...closing]);
    response.flushHeaders();
    // However it ends, whoever is still there sees its own connection end.
    pipeline(incoming, response, done);
  }
}

/** A node that is gone must not keep a caller waiting; neither must one that does not take connections any more. */
function whenConnected(outgoing: ClientRequest, listener: () => void): void {
  outgoing.on('socket', (socket: Socket) => {
    if (!socket.connecting) return listener();
    const timer = setTimeout(() => outgoing.destroy(new Error('the node did not take the connection in time')), CONNECT_TIMEOUT_MILLIS);
    socket.once('close', () => clearTimeout(timer));
    socket.once('connect', () => {
      clearTimeout(timer);
      listener();
    });
  });
}

/** Clients of HTTP+SSE name their stream in the address to which they post (MCP 2024-11-05, Transports). */
function doorIdInQuery(url: string): string | undefined {
  const start = url.indexOf('?');
  return start === -1 ? undefined : (new URLSearchParams(url.slice(start)).get('sessionId') ?? undefined);
}

function withoutHopHeaders(flat: readonly string[]): string[] {
  return flat.filter((_text, at) => !HOP_HEADERS.has(flat[at - (at % 2)]?.toLowerCase() ?? ''));
}
