/** Cuts a text/event-stream into its events without changing a byte, wherever the chunks break (WHATWG HTML, section 9.2.6). */

const CR = 0x0d;
const LF = 0x0a;

/** The events that a stream has sent so far arrive complete and in order; their bytes put together are the stream's. */
export class EventStreamSplitter {
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** The current line has no character yet, so a line end now ends the event. */
  #isAtLineStart = true;
  #lastWasCr = false;

  /** Bytes of an event that is not complete yet. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  push(chunk: Buffer): Buffer[] {
    const events: Buffer[] = [];
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      const isLineEnd = byte === CR || (byte === LF && !this.#lastWasCr);
      const isRestOfLineEnd = byte === LF && this.#lastWasCr;
      this.#lastWasCr = byte === CR;
      if (isRestOfLineEnd) continue;
      if (!isLineEnd) {
        this.#isAtLineStart = false;
        continue;
      }
      if (this.#isAtLineStart) {
        const end = byte === CR && chunk[at + 1] === LF ? at + 2 : at + 1;
        events.push(this.#take(chunk.subarray(start, end)));
        if (end === at + 2) {
          this.#lastWasCr = false;
          at++;
        }
        start = end;
      }
      this.#isAtLineStart = true;
    }
    if (start < chunk.length) {
      this.#pending.push(start === 0 ? chunk : chunk.subarray(start));
      this.#pendingBytes += chunk.length - start;
    }
    return events;
  }

  /** What came after the last complete event. A reader that follows the standard throws it away; a relay passes it on. */
  end(): Buffer | undefined {
    return this.#pendingBytes === 0 ? undefined : this.#take(Buffer.alloc(0));
  }

  #take(last: Buffer): Buffer {
    if (this.#pending.length === 0) return last;
    const event = Buffer.concat([...this.#pending, last]);
    this.#pending = [];
    this.#pendingBytes = 0;
    return event;
  }
}

const BOM = '\ufeff';

/** The data of one event, its lines joined by LF; undefined for an event without data, such as a comment. */
export function dataOfEvent(event: Buffer): string | undefined {
  const lines: string[] = [];
  const text = event.toString('utf8');
  for (const line of (text.startsWith(BOM) ? text.slice(1) : text).split(/\r\n|\r|\n/)) {
    if (line === 'data') lines.push('');
    else if (line.startsWith('data:')) lines.push(line.slice(line.startsWith('data: ') ? 6 : 5));
  }
  return lines.length === 0 ? undefined : lines.join('\n');
}

/** The same event with other data: its further fields stay as they are. The data must be one line. */
export function withData(event: Buffer, data: string): Buffer {
  const lines = event.toString('utf8').split(/(\r\n|\r|\n)/);
  let text = '';
  let isWritten = false;
  for (let index = 0; index < lines.length; index += 2) {
    const line = lines[index] ?? '';
    const lineEnd = lines[index + 1] ?? '';
    const isData = line === 'data' || line.startsWith('data:');
    if (isData && isWritten) continue;
    text += (isData ? `data: ${data}` : line) + lineEnd;
    isWritten ||= isData;
  }
  return Buffer.from(text);
}
