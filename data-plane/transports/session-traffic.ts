/** Keeps apart what is under way in one upstream session, also when its caller uses the same id twice. */
import { randomBytes } from 'node:crypto';
import { Refusal } from '../../shared/refusal.ts';
import { createEventStreamFilter, type EventStreamFilter } from '../mcp/event-stream-filter.ts';
import type { RpcCall, RpcMessage } from '../mcp/rpc-call.ts';
import { findTopLevelValue } from './json-members.ts';
import { canonicalToken } from './rpc-tokens.ts';
import { splice } from './message-splice.ts';
import type { AnswerHead, AnswerSink, UpstreamRequest } from './transport.ts';

/** What is sent upstream, where its answer goes, and what to call when nobody waits for it any more; calling it again does nothing. */
export interface Passage {
  readonly bytes: Buffer;
  readonly sink: AnswerSink;
  readonly leave: () => void;
}

/**
 * Some callers use one id for every request. The upstream then gets an id of ours for the second, and the caller its own back; everything
 * else goes as it came (`protocol.md` 2.1, P19).
 */
export class SessionTraffic {
  /** Session and id of every request under way. */
  readonly #underWay = new Set<string>();
  /** Other nodes may use the same session at the same time. */
  readonly #node = randomBytes(6).toString('base64url');
  #lastId = 0;

  /** The way of a call through a session of its server. */
  enter(request: UpstreamRequest, call: RpcCall, sessionId: string, sink: AnswerSink): Passage {
    const [message] = call.messages;
    // What a batch answers is not matched by us, and was taken out of the protocol with revision 2025-06-18.
    if (call.isBatch || message.kind !== 'request' || message.idToken === undefined) return { bytes: call.bytes, sink, leave: () => undefined };
    const place = `${request.server.config.id} ${sessionId} ${canonicalToken(message.idToken)}`;
    if (!this.#underWay.has(place)) {
      this.#underWay.add(place);
      let isInside = true;
      const leave = () => {
        if (isInside) this.#underWay.delete(place);
        isInside = false;
      };
      return { bytes: call.bytes, sink: new TrackedSink(sink, leave), leave };
    }
    const id = `"turnpike-${this.#node}-${++this.#lastId}"`;
    return { bytes: withId(call.bytes, message, id), sink: new RestoringSink(sink, id, message.idToken, request.responseBytesMax), leave: () => undefined };
  }
}

function withId(bytes: Buffer, message: RpcMessage, id: string): Buffer {
  return splice(bytes, [{ start: message.idStart, end: message.idEnd }], Buffer.from(id, 'latin1'));
}

/** Notices the ending. */
class TrackedSink implements AnswerSink {
  readonly #sink: AnswerSink;
  readonly #leave: () => void;

  constructor(sink: AnswerSink, leave: () => void) {
    this.#sink = sink;
    this.#leave = leave;
  }

  answer(head: AnswerHead, body: Buffer): void {
    this.#leave();
    this.#sink.answer(head, body);
  }

  open(head: AnswerHead): void {
    this.#sink.open(head);
  }

  write(chunk: Buffer): boolean {
    return this.#sink.write(chunk);
  }

  end(): void {
    this.#leave();
    this.#sink.end();
  }

  fail(refusal: Refusal): void {
    this.#leave();
    this.#sink.fail(refusal);
  }
}

/** Gives the caller its own id back, in a JSON answer and in the events of a stream. */
class RestoringSink implements AnswerSink {
  readonly #sink: AnswerSink;
  readonly #id: string;
  readonly #idToken: Buffer;
  readonly #events: EventStreamFilter;
  #isOver = false;

  constructor(sink: AnswerSink, id: string, idToken: string, eventBytesMax: number) {
    this.#sink = sink;
    this.#id = id;
    this.#idToken = Buffer.from(idToken);
    this.#events = createEventStreamFilter((data) => this.#restore(data), eventBytesMax);
  }

  answer(head: AnswerHead, body: Buffer): void {
    this.#sink.answer(head, this.#restore(body));
  }

  open(head: AnswerHead): void {
    this.#sink.open(head);
  }

  write(chunk: Buffer): boolean {
    return this.#pass(() => this.#events.push(chunk));
  }

  end(): void {
    this.#pass(() => this.#events.end());
    if (!this.#isOver) this.#sink.end();
  }

  fail(refusal: Refusal): void {
    if (!this.#isOver) this.#sink.fail(refusal);
  }

  #pass(read: () => Buffer[]): boolean {
    if (this.#isOver) return true;
    try {
      let hasRoom = true;
      for (const event of read()) hasRoom = this.#sink.write(event);
      return hasRoom;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#isOver = true;
      this.#sink.fail(error);
      return true;
    }
  }

  #restore(json: Buffer): Buffer {
    const range = findTopLevelValue(json, 'id');
    if (range === undefined || json.toString('latin1', range.start, range.end) !== this.#id) return json;
    return splice(json, [range], this.#idToken);
  }
}
