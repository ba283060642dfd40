/** Takes what a client of a revision with sessions sends to a server of 2026-07-28: much goes up in other words, and the rest is answered here. */
import assert from 'node:assert/strict';
import { asRefusal, Refusal } from '../../../shared/refusal.ts';
import { paramOf } from '../../mcp/revision-claims.ts';
import type { RpcCall, RpcMessage } from '../../mcp/rpc-call.ts';
import { ACCEPTED_HEAD, ENDED_HEAD, NO_BODY } from '../../transports/answer-forms.ts';
import { readCancelled } from '../../transports/rpc-tokens.ts';
import type { AnswerSink, Transport, UpstreamFlight, UpstreamRequest } from '../../transports/transport.ts';
import type { Discoveries } from '../discoveries.ts';
import { sendBatch } from './batch.ts';
import { BridgedCall } from './bridged-call.ts';
import type { BridgedSession } from './bridged-session.ts';
import type { BridgedSessions } from './bridged-sessions.ts';
import { LANDED, LateFlight } from '../../transports/late-flight.ts';
import { Listener } from './listener.ts';
import { toModern, wordsOf } from './modern-request.ts';
import { answerWith, errorFor, resultFor } from './own-answers.ts';
import type { ParameterHeaders } from './parameter-headers.ts';

export interface InterpreterParts {
  readonly inner: Pick<Transport, 'send'>;
  readonly discoveries: Discoveries;
  readonly sessions: BridgedSessions;
  readonly parameters: ParameterHeaders;
}

const INVALID_PARAMS = -32_602;
const LOG_LEVELS: ReadonlySet<unknown> = new Set(['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency']);
/** The tasks of revision 2025-11-25 are gone, and streams that listen are opened with GET by these clients. */
const WITHOUT_COUNTERPART = /^(?:tasks\/|subscriptions\/listen$)/;

export class Interpreter {
  readonly #parts: InterpreterParts;

  constructor(parts: InterpreterParts) {
    this.#parts = parts;
  }

  /** Never throws: every ending arrives at the sink. */
  send(request: UpstreamRequest, sink: AnswerSink): UpstreamFlight {
    try {
      return this.#send(request, sink);
    } catch (error) {
      sink.fail(asRefusal(error));
      return LANDED;
    }
  }

  #send(request: UpstreamRequest, sink: AnswerSink): UpstreamFlight {
    const { call, upstreamSessionId } = request;
    const session = upstreamSessionId === undefined ? undefined : this.#parts.sessions.find(upstreamSessionId);
    if (call === undefined) {
      assert(session !== undefined, 'only a session has a stream to open or an end');
      return this.#sendBare(request, session, sink);
    }
    if (call.isBatch) return sendBatch((element, elementSink) => this.send(element, elementSink), request, call, sink);
    const [message] = call.messages;
    if (message.kind === 'request') return this.#ask(request, call, session, sink);
    if (message.kind === 'response') session?.questions.settle(message, call.bytes);
    else if (message.method === 'notifications/cancelled') session?.cancel(readCancelled(call.bytes)?.token ?? '');
    sink.answer(ACCEPTED_HEAD, NO_BODY);
    return LANDED;
  }

  #sendBare(request: UpstreamRequest, session: BridgedSession, sink: AnswerSink): UpstreamFlight {
    if (request.httpMethod === 'GET') return this.#listen(request, session, sink);
    this.#parts.sessions.end(session);
    sink.answer(ENDED_HEAD, NO_BODY);
    return LANDED;
  }

  #ask(request: UpstreamRequest, call: RpcCall, session: BridgedSession | undefined, sink: AnswerSink): UpstreamFlight {
    const [message] = call.messages;
    const own = ownAnswer(message, session);
    if (own !== undefined) {
      answerWith(request, sink, own);
      return LANDED;
    }
    if (WITHOUT_COUNTERPART.test(message.method ?? '')) {
      throw new Refusal('not_bridgeable', 'method_without_counterpart', `'${request.server.config.slug}' speaks a revision without ${message.method}`);
    }
    const words = wordsOf(request, session?.logLevel);
    const { inner, parameters } = this.#parts;
    const onEnd = (ended: BridgedCall) => session?.leave(ended);
    const bridged = new BridgedCall({
      inner,
      request: toModern(request, call.bytes, words),
      message,
      sink,
      words,
      parameters,
      questions: session?.questions,
      onEnd,
    });
    session?.enter(bridged);
    bridged.start();
    return bridged;
  }

  /** What there is to listen to, the server says of itself. */
  #listen(request: UpstreamRequest, session: BridgedSession, sink: AnswerSink): UpstreamFlight {
    const { inner, discoveries } = this.#parts;
    const flight = new LateFlight();
    discoveries
      .learn(request)
      .then((discovered) => {
        if (flight.isCancelled) return;
        const words = wordsOf(request, undefined);
        const onEnd = (ended: Listener) => session.unlisten(ended);
        const listener = new Listener({ inner, request, sink, words, capabilities: discovered?.capabilities ?? {}, onEnd });
        session.listen(listener);
        flight.follow(listener);
      })
      .catch((error: unknown) => sink.fail(asRefusal(error)));
    return flight;
  }
}

/** Undefined for what the server has to answer. */
function ownAnswer(message: RpcMessage, session: BridgedSession | undefined): Buffer | undefined {
  switch (message.method) {
    case 'ping':
      return resultFor(message, {});
    case 'logging/setLevel':
      return setLogLevel(message, session);
    case 'resources/subscribe':
    case 'resources/unsubscribe':
      return subscribe(message, session);
    default:
      return undefined;
  }
}

function setLogLevel(message: RpcMessage, session: BridgedSession | undefined): Buffer {
  const level = paramOf(message, 'level');
  if (typeof level !== 'string' || !LOG_LEVELS.has(level)) return errorFor(message, INVALID_PARAMS, 'there is no such log level');
  if (session !== undefined) session.logLevel = level;
  return resultFor(message, {});
}

function subscribe(message: RpcMessage, session: BridgedSession | undefined): Buffer {
  const uri = paramOf(message, 'uri');
  if (typeof uri !== 'string') return errorFor(message, INVALID_PARAMS, 'uri must be a string');
  if (message.method === 'resources/subscribe') session?.subscribe(uri);
  else session?.unsubscribe(uri);
  return resultFor(message, {});
}
