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
    // The second half of a line end: it belongs to a line that has ended, and ends none itself.
    let at = this.#lastWasCr && chunk[0] === LF ? 1 : 0;
    while (at < chunk.length) {
      const lineEnd = endOfLine(chunk, at);
      if (lineEnd > at) this.#isAtLineStart = false;
      if (lineEnd === chunk.length) break;
      at = lineEnd + (chunk[lineEnd] === CR && chunk[lineEnd + 1] === LF ? 2 : 1);
      if (this.#isAtLineStart) {
        events.push(this.#take(chunk.subarray(start, at)));
        start = at;
      }
      this.#isAtLineStart = true;
    }
    if (chunk.length > 0) this.#lastWasCr = chunk[chunk.length - 1] === CR;
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

function endOfLine(chunk: Buffer, from: number): number {
  let at = from;
  while (at < chunk.length && chunk[at] !== LF && chunk[at] !== CR) at++;
  return at;
}

const BOM = '\ufeff';
const TYPE_FIELD = /^event: ?(.*)$/;
const ID_FIELD = /^id: ?(.*)$/;
const RETRY_FIELD = /^retry: ?(\d{1,9})$/;
const VISIBLE_ASCII = /^[\x21-\x7e]{1,1024}$/;

/** The data of one event, its lines joined by LF; undefined for an event without data, such as a comment. */
export function dataOfEvent(event: Buffer): string | undefined {
  const lines: string[] = [];
  for (const line of textOf(event).split(/\r\n|\r|\n/)) {
    if (isData(line)) lines.push(line.slice(line.startsWith('data: ') ? 6 : 5));
  }
  return lines.length === 0 ? undefined : lines.join('\n');
}

/** An event without a type is a message (WHATWG HTML, section 9.2.6). */
export function typeOfEvent(event: Buffer): string {
  return fieldOf(event, TYPE_FIELD) || 'message';
}

/** What a reader comes back with for the events after this one; undefined when it names nothing, or nothing that a header could hold. */
export function idOfEvent(event: Buffer): string | undefined {
  const id = fieldOf(event, ID_FIELD);
  return VISIBLE_ASCII.test(id) ? id : undefined;
}

/** How long a reader that has lost the stream should wait, in milliseconds; undefined when the event does not say. */
export function retryOfEvent(event: Buffer): number | undefined {
  const retry = fieldOf(event, RETRY_FIELD);
  return retry === '' ? undefined : Number(retry);
}

/** The same event with other data: its further fields stay as they are. The data must be one line. */
export function withData(event: Buffer, data: string): Buffer {
  const lines = textOf(event).split(/(\r\n|\r|\n)/);
  let text = '';
  let isWritten = false;
  for (let index = 0; index < lines.length; index += 2) {
    const line = lines[index] ?? '';
    const lineEnd = lines[index + 1] ?? '';
    if (!isData(line)) text += line + lineEnd;
    else if (!isWritten) text += `data: ${data}${lineEnd}`;
    isWritten ||= isData(line);
  }
  return Buffer.from(text);
}

/** The last field of a name counts; the empty string without one. */
function fieldOf(event: Buffer, field: RegExp): string {
  let value = '';
  for (const line of textOf(event).split(/\r\n|\r|\n/)) value = field.exec(line)?.[1] ?? value;
  return value;
}

/** A byte order mark may open a stream, and then is no part of its first line. */
function textOf(event: Buffer): string {
  const text = event.toString('utf8');
  return text.startsWith(BOM) ? text.slice(1) : text;
}

function isData(line: string): boolean {
  return line === 'data' || line.startsWith('data:');
}
