/** The HTTP side of the fixture: bodies in, JSON answers out. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorMessage, type JsonObject, type Message, type ProtocolError } from './messages.ts';

export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

export function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : value?.[0];
}

export function sendJson(response: ServerResponse, status: number, body: JsonObject): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export function sendError(response: ServerResponse, error: ProtocolError, id: Message['id']): void {
  sendJson(response, error.status, errorMessage(id, error));
}
