/** Makes the HTTP request that a call would be, without a connection. */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { REQUEST_BYTES_MAX } from '../settings.ts';

export interface SupposedRequest {
  readonly message: string;
  readonly headers: Readonly<Record<string, string>>;
  /** How long the message would be, where that is more than it is. */
  readonly inputBytes: number | null;
}

/** A longer message than any gateway takes is only declared. White space makes a message longer and changes nothing that it says. */
export function supposedRequest({ message, headers, inputBytes }: SupposedRequest): IncomingMessage {
  const length = Math.max(Buffer.byteLength(message), inputBytes ?? 0);
  const request = new IncomingMessage(new Socket());
  request.method = 'POST';
  request.headers = { 'content-type': 'application/json', 'content-length': String(length), ...headers };
  const body = Buffer.alloc(Math.min(length, REQUEST_BYTES_MAX), ' ');
  body.write(message);
  request.push(body);
  request.push(null);
  request.complete = true;
  return request;
}

/** Nobody reads it. */
export function unheardResponse(request: IncomingMessage): ServerResponse {
  return new ServerResponse(request);
}
