/** One HTTP exchange as the access flow sees it: what the caller asked, and the way to answer. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { newId } from '../shared/ids.ts';
import { Refusal } from '../shared/refusal.ts';
import type { Clock } from '../shared/clock.ts';

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
  /** The address of the socket's peer, IPv4-mapped addresses as IPv4; empty once the socket is gone. */
  readonly clientIp: string;
  readonly acceptsEventStream: boolean;
  readonly acceptsJson: boolean;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  #isBodyTaken = false;

  constructor(request: IncomingMessage, response: ServerResponse, { identifier, tailPath }: { identifier: string; tailPath: string }, clock: Clock) {
    this.timeMillis = clock.now();
    this.startedAt = clock.elapsed();
    this.requestId = newId('request', this.timeMillis);
    this.method = request.method ?? '';
    this.identifier = identifier;
    this.tailPath = tailPath;
    this.headers = request.headers;
    this.clientIp = plainAddress(request.socket.remoteAddress ?? '');
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

function plainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
