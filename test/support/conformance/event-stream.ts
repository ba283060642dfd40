/** An event stream that a client may lose and take up again where it was (MCP 2025-11-25, resumability). */
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { JsonObject } from './messages.ts';
import type { Outlet } from './outlet.ts';

export const EVENT_STREAM_HEADERS = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' } as const;
/** How long a client waits before it comes back. */
const RETRY_MILLIS = 500;

export class EventStream implements Outlet {
  readonly id = randomUUID();
  readonly #events: string[] = [];
  #response: ServerResponse | undefined;
  #isOver = false;

  get isHeard(): boolean {
    return this.#response !== undefined;
  }

  /** Sends what came after the event with the number `after`, and everything from now on. */
  attach(response: ServerResponse, headers: Readonly<Record<string, string>>, after = this.#events.length - 1): void {
    this.#response = response;
    response.writeHead(200, { ...EVENT_STREAM_HEADERS, ...headers });
    response.flushHeaders();
    response.on('close', () => {
      if (this.#response === response) this.#response = undefined;
    });
    for (const event of this.#events.slice(after + 1)) response.write(event);
    if (this.#isOver) response.end();
  }

  /** Gives the client an id to come back with before there is anything to say. */
  prime(): void {
    this.#push(`retry: ${RETRY_MILLIS}\ndata: \n\n`);
  }

  send(message: JsonObject): void {
    this.#push(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
  }

  /** The client loses the stream; what is said meanwhile waits for it. */
  leave(): void {
    const response = this.#response;
    this.#response = undefined;
    response?.end();
  }

  end(): void {
    this.#isOver = true;
    this.#response?.end();
  }

  #push(fields: string): void {
    const event = `id: ${this.id}_${this.#events.length}\n${fields}`;
    this.#events.push(event);
    this.#response?.write(event);
  }
}

/** The stream and the number that an event id names. */
export function readEventId(eventId: string): { stream: string; number: number } {
  const cut = eventId.lastIndexOf('_');
  return { stream: eventId.slice(0, cut), number: Number(eventId.slice(cut + 1)) };
}
