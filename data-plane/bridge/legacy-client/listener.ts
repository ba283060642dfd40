/** The GET stream of a client with sessions, fed by `subscriptions/listen` of a server without. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { EVENTS_HEAD } from '../../transports/answer-forms.ts';
import type { AnswerSink, Transport, UpstreamFlight, UpstreamRequest } from '../../transports/transport.ts';
import type { Discovered } from '../discoveries.ts';
import { AttemptReader, type AttemptListener } from './attempt-reader.ts';
import { toModern, type ClientWords } from './modern-request.ts';

export interface ListenerParts {
  readonly inner: Pick<Transport, 'send'>;
  /** The caller's GET. */
  readonly request: UpstreamRequest;
  readonly sink: AnswerSink;
  readonly words: ClientWords;
  readonly capabilities: Discovered['capabilities'];
  readonly onEnd: (listener: Listener) => void;
}

const LISTS = ['tools', 'prompts', 'resources'] as const;
const listSchema = z.object({ listChanged: z.literal(true) });
const ACKNOWLEDGED = Buffer.from('notifications/subscriptions/acknowledged');

export class Listener implements UpstreamFlight {
  readonly #parts: ListenerParts;
  /** By the numbers of the subscriptions; more than one while a later is not acknowledged. */
  readonly #flights = new Map<number, UpstreamFlight>();
  #subscriptions = 0;
  #isOver = false;

  constructor(parts: ListenerParts) {
    this.#parts = parts;
    parts.sink.open(EVENTS_HEAD);
  }

  /** From now on listens to the lists that the server announces, and to these resources; with nothing to listen to, the stream is silent. */
  follow(uris: ReadonlySet<string>): void {
    const notifications = { ...this.#lists(), ...(uris.size === 0 ? {} : { resourceSubscriptions: [...uris] }) };
    const number = ++this.#subscriptions;
    if (this.#isOver || Object.keys(notifications).length === 0) return this.#cancelBefore(number);
    const { inner, request, words } = this.#parts;
    const message = { jsonrpc: '2.0', id: `turnpike-${randomUUID()}`, method: 'subscriptions/listen', params: { notifications } };
    const listening = { ...toModern(request, Buffer.from(JSON.stringify(message)), { ...words, logLevel: undefined }), acceptsJson: true };
    // The new one is heard before the old one ends, so that nothing is missed between them.
    this.#flights.set(number, inner.send(listening, this.#reader(number)));
    if (this.#isOver) this.#cancelBefore(Infinity);
  }

  resume(): void {
    for (const flight of this.#flights.values()) flight.resume();
  }

  /** The caller has left. */
  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelBefore(Infinity);
    this.#parts.onEnd(this);
  }

  /** Ends the caller's stream as well; clients open another one when they want to go on. */
  end(): void {
    if (this.#isOver) return;
    this.cancel();
    this.#parts.sink.end();
  }

  #lists(): Record<string, true> {
    const { capabilities } = this.#parts;
    return Object.fromEntries(LISTS.filter((name) => listSchema.safeParse(capabilities[name]).success).map((name) => [`${name}ListChanged`, true]));
  }

  #cancelBefore(number: number): void {
    for (const [earlier, flight] of this.#flights) {
      if (earlier >= number) continue;
      this.#flights.delete(earlier);
      flight.cancel();
    }
  }

  #reader(number: number): AttemptReader {
    const { request, sink } = this.#parts;
    const listener: AttemptListener = {
      opened: () => undefined,
      heard: (event) => {
        if (event.includes(ACKNOWLEDGED)) this.#cancelBefore(number);
        else if (!this.#isOver) return sink.write(event);
        return true;
      },
      // A server that refuses to be listened to has nothing to say; one that has stopped may be asked again.
      answered: (_head, _json, event) => {
        this.#flights.delete(number);
        if (event !== undefined && number === this.#subscriptions) this.end();
      },
      failed: () => {
        this.#flights.delete(number);
        if (number === this.#subscriptions) this.end();
      },
    };
    return new AttemptReader(listener, request.server, request.responseBytesMax);
  }
}
