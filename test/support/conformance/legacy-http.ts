/** Streamable HTTP of the era with sessions: POST answers by a stream, GET opens or resumes one, DELETE ends the session. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { LEGACY_REVISIONS } from './capabilities.ts';
import { readEventId } from './event-stream.ts';
import { headerOf, sendError } from './http-answers.ts';
import { LegacyStreams } from './legacy-streams.ts';
import { CODES, ProtocolError, type Message } from './messages.ts';

export class LegacyHttp {
  readonly #sessions = new Map<string, LegacyStreams>();

  close(): void {
    for (const streams of this.#sessions.values()) streams.close();
  }

  async post(request: IncomingMessage, response: ServerResponse, message: Message): Promise<void> {
    const revision = headerOf(request, 'mcp-protocol-version');
    if (revision !== undefined && !LEGACY_REVISIONS.includes(revision)) {
      return sendError(response, new ProtocolError(CODES.refused, `the revision ${revision} is not supported`, { status: 400 }), message.id);
    }
    const isHandshake = message.method === 'initialize';
    const streams = isHandshake ? this.#begin() : this.#sessionOf(request, response, message.id);
    if (streams === undefined) return;
    const { session } = streams;
    const headers = { 'mcp-session-id': session.id };
    if (message.method === undefined || message.id === undefined) {
      session.accept(message);
      return void response.writeHead(202, headers).end();
    }
    const stream = streams.open(isHandshake);
    stream.attach(response, headers, -1);
    await session.answer(message, stream);
  }

  get(request: IncomingMessage, response: ServerResponse): void {
    const streams = this.#sessionOf(request, response, null);
    if (streams === undefined) return;
    const headers = { 'mcp-session-id': streams.session.id };
    const lastEventId = headerOf(request, 'last-event-id');
    if (lastEventId === undefined) {
      if (!streams.standalone.isHeard) return streams.standalone.attach(response, headers);
      return sendError(response, new ProtocolError(CODES.refused, 'there is a stream already', { status: 409 }), null);
    }
    const { stream, number } = readEventId(lastEventId);
    const resumed = streams.find(stream);
    if (resumed !== undefined) return resumed.attach(response, headers, number);
    sendError(response, new ProtocolError(CODES.refused, 'there is no such event', { status: 400 }), null);
  }

  delete(request: IncomingMessage, response: ServerResponse): void {
    const streams = this.#sessionOf(request, response, null);
    if (streams === undefined) return;
    this.#sessions.delete(streams.session.id);
    streams.close();
    response.writeHead(200).end();
  }

  #begin(): LegacyStreams {
    const streams = new LegacyStreams();
    this.#sessions.set(streams.session.id, streams);
    return streams;
  }

  /** Undefined after the caller has been told that there is none. */
  #sessionOf(request: IncomingMessage, response: ServerResponse, id: Message['id']): LegacyStreams | undefined {
    const presented = headerOf(request, 'mcp-session-id');
    const streams = presented === undefined ? undefined : this.#sessions.get(presented);
    if (streams !== undefined) return streams;
    const refusal =
      presented === undefined
        ? new ProtocolError(CODES.refused, 'Mcp-Session-Id is missing', { status: 400 })
        : new ProtocolError(CODES.unknownSession, 'there is no such session', { status: 404 });
    sendError(response, refusal, id);
    return undefined;
  }
}
