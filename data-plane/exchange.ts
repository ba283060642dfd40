/** One HTTP exchange as the access flow sees it: what the caller asked, and the way to answer. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { newId } from '../shared/ids.ts';
import { Refusal } from '../shared/refusal.ts';
import type { Clock } from '../shared/clock.ts';
import { originOfSocket, type Origin } from './nodes/node-proofs.ts';

/** What the path of a request says. */
export interface Place {
  readonly identifier: string;
  readonly tailPath: string;
}

/** Whose key a request stands for that the control plane sends; it has proved that it may. */
export interface StandIn {
  readonly apiKeyId: string;
  readonly organisationId: string;
}

export class Exchange {
  readonly requestId: string;
  readonly timeMillis: number;
  /** Monotonic milliseconds at which the request arrived. */
  readonly startedAt: number;
  readonly method: string;
  /** Slug or id of the server, as it stands in the path. */
  readonly identifier: string;
  /** What stands in the path behind it, with its leading slash, or the empty string. Every segment is plain. */
  readonly tailPath: string;
  readonly headers: IncomingHttpHeaders;
  /** The caller's address. */
  readonly clientIp: string;
  /** The address at which the caller reached the gateway. */
  readonly localAddress: string;
  /** Undefined for every caller who presents a key of his own. */
  readonly standsFor: StandIn | undefined;
  readonly acceptsEventStream: boolean;
  readonly acceptsJson: boolean;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  #isBodyTaken = false;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    place: Place,
    clock: Clock,
    origin: Origin & { readonly standsFor?: StandIn } = originOfSocket(request),
  ) {
    this.timeMillis = clock.now();
    this.startedAt = clock.elapsed();
    this.requestId = newId('request', this.timeMillis);
    this.method = request.method ?? '';
    this.identifier = place.identifier;
    this.tailPath = place.tailPath;
    this.headers = request.headers;
    this.clientIp = origin.clientIp;
    this.localAddress = origin.localAddress;
    this.standsFor = origin.standsFor;
    const accept = this.headers.accept ?? '';
    this.acceptsEventStream = accept.includes('text/event-stream');
    this.acceptsJson = accept === '' || accept.includes('application/json') || accept.includes('*/*') || accept.includes('application/*');
    this.request = request;
    this.response = response;
  }

  header(name: string): string | undefined {
    const value = this.headers[name];
    return typeof value === 'string' ? value : value?.[0];
  }

  get isBodyTaken(): boolean {
    return this.#isBodyTaken;
  }

  /** The whole body, refused with 413 as soon as it is known to be larger than `bytesMax`. May be asked for once. */
  readBody(bytesMax: number): Promise<Buffer> {
    this.#isBodyTaken = true;
    const { request } = this;
    if (Number(this.headers['content-length'] ?? 0) > bytesMax) return Promise.reject(tooLarge(bytesMax));
    return new Promise((resolve, reject) => {
      let first: Buffer | undefined;
      let more: Buffer[] | undefined;
      let length = 0;
      request.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > bytesMax) {
          request.pause();
          reject(tooLarge(bytesMax));
        } else if (first === undefined) first = chunk;
        else (more ??= [first]).push(chunk);
      });
      request.on('end', () => resolve(more === undefined ? (first ?? Buffer.alloc(0)) : Buffer.concat(more, length)));
      request.on('error', (cause) =>
        reject(new Refusal('client_closed_request', 'client_gone', 'the caller went away before its message was complete', {}, { cause })),
      );
    });
  }
}

function tooLarge(bytesMax: number): Refusal {
  return new Refusal('payload_too_large', 'request_too_large', `the message is larger than ${bytesMax} bytes`, { limit: bytesMax });
}
