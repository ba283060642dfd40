/** A session over one connection that carries every message both ways, as STDIO and HTTP+SSE have it. */
import { LegacySession } from './legacy-session.ts';
import { CODES, errorMessage, messageSchema, ProtocolError, type JsonObject } from './messages.ts';
import type { Outlet } from './outlet.ts';

export class LegacyConnection {
  readonly #outlet: Outlet;
  readonly #session: LegacySession;

  /** `say` takes one message in JSON. */
  constructor(say: (json: string) => void) {
    this.#outlet = { send: (message: JsonObject) => say(JSON.stringify(message)), leave: () => undefined, end: () => undefined };
    this.#session = new LegacySession(this.#outlet);
  }

  get id(): string {
    return this.#session.id;
  }

  /** Settles when the message is answered, if it has an answer. */
  async hear(json: string): Promise<void> {
    const reading = messageSchema.safeParse(parse(json));
    if (!reading.success) return this.#outlet.send(errorMessage(null, new ProtocolError(CODES.invalidRequest, 'this is no message')));
    const message = reading.data;
    if (message.method === undefined || message.id === undefined) this.#session.accept(message);
    else await this.#session.answer(message, this.#outlet);
  }

  close(): void {
    this.#session.close();
  }
}

/** Undefined, which is no message either, for what is not JSON. */
function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
