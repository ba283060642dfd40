/** Streamable HTTP of revision 2026-07-28: a request is answered by JSON or by a stream of its own. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { EVENT_STREAM_HEADERS } from './event-stream.ts';
import { sendJson } from './http-answers.ts';
import type { JsonObject, Message } from './messages.ts';
import { answerModern, type ModernOutlet } from './modern-answers.ts';
import { requireAgreement } from './modern-headers.ts';

export async function postModern(request: IncomingMessage, response: ServerResponse, message: Message): Promise<void> {
  if (message.id === undefined) return void response.writeHead(202).end();
  await answerModern(message, new HttpAnswer(response), () => requireAgreement(request, message));
}

/** Is a JSON body as long as there is nothing but the result to say. */
class HttpAnswer implements ModernOutlet {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  notify(method: string, params: JsonObject): void {
    if (!this.#response.headersSent) this.#response.writeHead(200, EVENT_STREAM_HEADERS);
    this.#write({ jsonrpc: '2.0', method, params });
  }

  end(message: JsonObject, status: number): void {
    if (!this.#response.headersSent) return sendJson(this.#response, status, message);
    this.#write(message);
    this.#response.end();
  }

  onLeave(stop: () => void): void {
    this.#response.on('close', stop);
  }

  #write(message: JsonObject): void {
    this.#response.write(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
  }
}
