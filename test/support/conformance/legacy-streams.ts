/** A session over Streamable HTTP: each request has a stream, and one more is for what nobody has asked for. */
import { EventStream } from './event-stream.ts';
import { LegacySession } from './legacy-session.ts';

export class LegacyStreams {
  readonly standalone = new EventStream();
  readonly session = new LegacySession(this.standalone);
  readonly #streams = new Map<string, EventStream>([[this.standalone.id, this.standalone]]);

  /** A stream for one request; clients of 2025-11-25 are told at once how to come back to it. */
  open(isHandshake: boolean): EventStream {
    const stream = new EventStream();
    this.#streams.set(stream.id, stream);
    if (this.session.revision === '2025-11-25' && !isHandshake) stream.prime();
    return stream;
  }

  find(id: string): EventStream | undefined {
    return this.#streams.get(id);
  }

  close(): void {
    this.session.close();
    for (const stream of this.#streams.values()) stream.end();
  }
}
