/** Waits in an event stream for the JSON-RPC response, for callers who read JSON alone. */
import { z } from 'zod';
import { Refusal } from '../../shared/refusal.ts';
import { dataOfEvent, EventStreamSplitter } from '../mcp/event-stream.ts';
import { faultOfAnswer } from './answer-envelope.ts';

/** A response has no method; a batch of them may stand in one event (MCP 2025-03-26). */
const responseSchema = z.union([
  z.object({ id: z.unknown(), method: z.undefined().optional() }),
  z.array(z.object({ id: z.unknown(), method: z.undefined().optional() })).min(1),
]);

export class EventCollector {
  readonly #splitter = new EventStreamSplitter();
  readonly #eventBytesMax: number;
  readonly #idToken: string | undefined;

  /** Waits for the answer to the request with this id; without one, for any. */
  constructor(eventBytesMax: number, idToken: string | undefined) {
    this.#eventBytesMax = eventBytesMax;
    this.#idToken = idToken;
  }

  /** The response's JSON as it stood in its event, once it has come. Notifications and strangers' answers before it have nowhere to go. */
  push(chunk: Buffer): Buffer | undefined {
    for (const event of this.#splitter.push(chunk)) {
      const data = dataOfEvent(event);
      if (data === undefined || data === '' || !isResponse(data)) continue;
      const response = Buffer.from(data);
      if (this.#idToken === undefined || faultOfAnswer(response, this.#idToken) === undefined) return response;
    }
    if (this.#splitter.pendingBytes > this.#eventBytesMax) {
      throw new Refusal('upstream_error', 'response_too_large', `an event is larger than ${this.#eventBytesMax} bytes`);
    }
    return undefined;
  }
}

function isResponse(data: string): boolean {
  try {
    return responseSchema.safeParse(JSON.parse(data)).success;
  } catch (cause) {
    throw new Refusal('upstream_error', 'bad_answer', 'the server sent an event that is not JSON', {}, { cause });
  }
}
