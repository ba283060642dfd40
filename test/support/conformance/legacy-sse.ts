/** HTTP+SSE of revision 2024-11-05: GET opens the stream that carries every answer, and names the endpoint that takes the messages. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { EVENT_STREAM_HEADERS } from './event-stream.ts';
import { readBody } from './http-answers.ts';
import { LegacyConnection } from './legacy-connection.ts';

export const SSE_PATH = '/sse';
const CONNECTION = 'connection';

export class LegacySse {
  readonly #connections = new Map<string, LegacyConnection>();

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET') return this.#open(response);
    if (request.method !== 'POST') return void response.writeHead(405).end();
    const id = new URL(request.url ?? '', 'http://localhost').searchParams.get(CONNECTION) ?? '';
    const connection = this.#connections.get(id);
    if (connection === undefined) return void response.writeHead(404).end();
    const body = await readBody(request);
    response.writeHead(202).end();
    await connection.hear(body);
  }

  close(): void {
    for (const connection of this.#connections.values()) connection.close();
  }

  #open(response: ServerResponse): void {
    const connection = new LegacyConnection((json) => void response.write(`event: message\ndata: ${json}\n\n`));
    this.#connections.set(connection.id, connection);
    response.on('close', () => {
      this.#connections.delete(connection.id);
      connection.close();
    });
    response.writeHead(200, EVENT_STREAM_HEADERS);
    response.write(`event: endpoint\ndata: ${SSE_PATH}?${CONNECTION}=${connection.id}\n\n`);
  }
}
