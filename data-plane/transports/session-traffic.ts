/** Keeps apart what is under way in one upstream session, also when its caller uses the same id twice. */
import type { Refusal } from '../../shared/refusal.ts';
import { looksLikeOwnId, OwnIds } from '../mcp/own-ids.ts';
import { soleRequestOf, type RpcMessage } from '../mcp/rpc-call.ts';
import { RestoringSink } from './restoring-sink.ts';
import { canonicalToken } from './rpc-tokens.ts';
import { splice } from './message-splice.ts';
import type { AnswerHead, AnswerSink, UpstreamRequest } from './transport.ts';

/** What is sent upstream, where its answer goes, and what to call when nobody waits for it any more; calling it again does nothing. */
export interface Passage {
  readonly bytes: Buffer | undefined;
  /** The id that is sent. */
  readonly idToken: string | undefined;
  readonly sink: AnswerSink;
  readonly leave: () => void;
}

const RESUMPTION_HEADER = 'last-event-id';

/**
 * Some callers use one id for every request. The upstream then gets an id of ours for the second, and the caller its own back; everything
 * else goes as it came (`protocol.md` 2.1, P16, P19).
 */
export class SessionTraffic {
  /** Session and id of every request under way. */
  readonly #underWay = new Set<string>();
  readonly #ownIds = new OwnIds();

  /** The way of a request through a session of its server. */
  enter(request: UpstreamRequest, sessionId: string, sink: AnswerSink): Passage {
    const { call } = request;
    const message = soleRequestOf(call);
    // What a batch answers is not matched by us, and was taken out of the protocol with revision 2025-06-18.
    if (call === undefined || message?.idToken === undefined) {
      return { bytes: call?.bytes, idToken: undefined, sink: resumes(request) ? restoring(request, sink) : sink, leave: () => undefined };
    }
    const idToken = canonicalToken(message.idToken);
    const place = `${request.server.config.id} ${sessionId} ${idToken}`;
    if (this.#underWay.has(place) || looksLikeOwnId(message.value['id'])) {
      const ownId = this.#ownIds.standInFor(message.idToken);
      return { bytes: withId(call.bytes, message, ownId), idToken: ownId, sink: restoring(request, sink), leave: () => undefined };
    }
    this.#underWay.add(place);
    let isInside = true;
    const leave = () => {
      if (isInside) this.#underWay.delete(place);
      isInside = false;
    };
    return { bytes: call.bytes, idToken: message.idToken, sink: new TrackedSink(sink, leave), leave };
  }
}

/** On other streams to listen there are no answers (MCP 2025-11-25, Transports, Listening for messages from the server). */
function resumes({ httpMethod, forwardedHeaders }: UpstreamRequest): boolean {
  return httpMethod === 'GET' && forwardedHeaders.includes(RESUMPTION_HEADER);
}

function restoring(request: UpstreamRequest, sink: AnswerSink): AnswerSink {
  return new RestoringSink(sink, request.server.limits.eventBytesMax);
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
