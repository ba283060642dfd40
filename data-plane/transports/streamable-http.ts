/** The Streamable HTTP transport: one dispatch per message over pooled connections, answers relayed as they come. */
import type { Logger } from 'pino';
import { systemClock } from '../../shared/clock.ts';
import { Refusal } from '../../shared/refusal.ts';
import type { GovernedServer } from '../config/governed-server.ts';
import { soleRequestOf } from '../mcp/rpc-call.ts';
import { listens, standsAlone } from '../mcp/revision-claims.ts';
import { SESSION_HEADER } from '../mcp/session-ids.ts';
import { MemorySessionBook } from '../sessions/memory-session-book.ts';
import type { SessionBook } from '../sessions/session-book.ts';
import { AmbientSessions } from './ambient-sessions.ts';
import type { SecondTry } from './answer-terms.ts';
import { AnswerWatch } from './answer-watch.ts';
import { forgetsSession } from './forgotten-session.ts';
import { headerIn, withoutHeader } from './forwarded-headers.ts';
import type { AnswerHead, AnswerSink, Transport, UpstreamFlight, UpstreamRequest } from './transport.ts';
import { refusalOfUpstreamError } from './upstream-errors.ts';
import { SessionHealer } from './session-healer.ts';
import { SessionTraffic } from './session-traffic.ts';
import { UpstreamAnswer } from './upstream-answer.ts';
import type { UpstreamPools } from './upstream-pools.ts';
import type { UpstreamTarget } from './upstream-target.ts';
import { pathOf, targetOf } from './upstream-target.ts';

/** What a message is sent for, however often it is sent. */
interface Errand {
  readonly target: UpstreamTarget;
  readonly request: UpstreamRequest;
  readonly sink: AnswerSink;
  readonly flight: HttpFlight;
  /** By `performance.now()`; of one that only listens it means nothing. */
  readonly deadline: number;
}

/** One for a session that another node has healed, one for a session that is opened because that one is forgotten as well. */
const REPEATS_MAX = 2;

/** Without a book of all nodes, sessions are healed for this one alone. */
export function createStreamableHttpTransport(pools: UpstreamPools, log: Logger, book: SessionBook = new MemorySessionBook(systemClock)): Transport {
  const healer = new SessionHealer({ book, clock: systemClock, log });
  const ambient = new AmbientSessions(log);
  const traffic = new SessionTraffic();
  const watch = new AnswerWatch();
  const targets = new WeakMap<GovernedServer, UpstreamTarget>();

  function send(request: UpstreamRequest, sink: AnswerSink): UpstreamFlight {
    const flight = new HttpFlight();
    try {
      let target = targets.get(request.server);
      if (target === undefined) targets.set(request.server, (target = targetOf(request.server, pools)));
      const { upstreamSessionId } = request;
      // Before the breaker is asked: the one call that may try behind a pause must be one that is sent.
      const sessionId = upstreamSessionId === undefined ? undefined : healer.current(request, upstreamSessionId);
      const now = performance.now();
      target.breaker.requireClosed(now);
      const errand: Errand = { target, request, sink, flight, deadline: now + request.server.limits.totalTimeoutMillis };
      if (upstreamSessionId === undefined || sessionId === undefined) lend(errand);
      else if (request.httpMethod === 'DELETE') goOn({ ...errand, sink: endingSink(request, upstreamSessionId, sink) }, upstreamSessionId, sessionId);
      else goOn(errand, upstreamSessionId, sessionId);
    } catch (error) {
      flight.cancel();
      sink.fail(refusalOfUpstreamError(error, request.server));
    }
    return flight;
  }

  /**
   * A caller without a session of its own, such as a single `curl`, is lent one: only servers that refuse messages without a
   * session are asked for it, and each key has its own.
   */
  function lend(errand: Errand): void {
    const { target, request, sink, flight } = errand;
    if (opensSession(request)) return attempt({ ...errand, sink: openingSink(request, sink) }, undefined, undefined);
    if (!mayBorrow(request)) return attempt(errand, undefined, undefined);
    const lent = ambient.find(request);
    attempt(errand, lent, {
      isMeant: (status) => status === (lent === undefined ? 400 : 404),
      retry: (relayRefused) => {
        ambient.open(target, request, lent).then(
          (session) => (session === undefined ? relayRefused() : attempt(errand, session, undefined)),
          (error: unknown) => {
            flight.cancel();
            sink.fail(refusalOfUpstreamError(error, request.server));
          },
        );
      },
    });
  }

  /** A session that its server has forgotten is healed, and the message repeated: of one that was refused for its session nothing has been done. */
  function goOn(errand: Errand, ownId: string, sessionId: string, repeatsLeft = REPEATS_MAX): void {
    const { target, request } = errand;
    if (sessionId !== ownId && headerIn(request.forwardedHeaders, 'last-event-id') !== undefined) {
      // The event may be one of a session before this one: nobody has those any more.
      const retry = (): void => goOn({ ...errand, request: withoutPast(request) }, ownId, sessionId, repeatsLeft);
      return attempt(errand, sessionId, { isMeant: (status) => status === 400 || status === 404, retry });
    }
    const retry = (relayRefused: () => void): void => {
      healer.heal(target, request, ownId, sessionId).then(
        (session) => {
          if (session === undefined || session === sessionId) relayRefused();
          else goOn({ ...errand, request: withoutPast(request) }, ownId, session, repeatsLeft - 1);
        },
        (error: unknown) => {
          log.warn({ err: error, serverId: request.server.config.id }, 'a session that its server forgot could not be healed');
          relayRefused();
        },
      );
    };
    attempt(errand, sessionId, repeatsLeft === 0 ? undefined : { isMeant: forgetsSession, retry });
  }

  function attempt({ target, request, sink, flight, deadline }: Errand, sessionId: string | undefined, secondTry: SecondTry | undefined): void {
    const { call } = request;
    const passage = sessionId === undefined ? undefined : traffic.enter(request, sessionId, sink);
    const answer = new UpstreamAnswer(request, passage?.sink ?? sink, {
      idToken: passage?.idToken ?? soleRequestOf(call)?.idToken,
      secondTry,
      breaker: target.breaker,
      watch,
      deadline,
    });
    flight.follow(answer, passage?.leave);
    dispatch(target, request, answer, { sessionId, body: passage?.bytes ?? call?.bytes ?? null });
  }

  /** Before the caller hears that its session is over, every node can know. A server may say that sessions are not for clients to end (405). */
  function endingSink(request: UpstreamRequest, ownId: string, sink: AnswerSink): AnswerSink {
    return {
      ...passingTo(sink),
      answer: (head, body) => {
        if (head.status >= 300 && !forgetsSession(head.status, body)) return sink.answer(head, body);
        void healer.end(request, ownId).then(() => sink.answer(head, body));
      },
    };
  }

  /** Before the caller hears of its session, nothing is known any more of an older one that had the same id. */
  function openingSink(request: UpstreamRequest, sink: AnswerSink): AnswerSink {
    const note = ({ upstreamSessionId }: AnswerHead): void => {
      if (upstreamSessionId !== undefined) healer.begin(request, upstreamSessionId);
    };
    return {
      ...passingTo(sink),
      answer: (head, body) => {
        note(head);
        sink.answer(head, body);
      },
      open: (head) => {
        note(head);
        sink.open(head);
      },
    };
  }

  return {
    send,
    retire: (serverId) => ambient.retire(serverId),
    close: async () => {
      ambient.close();
      watch.close();
      await pools.close();
    },
  };
}

function opensSession({ call }: UpstreamRequest): boolean {
  return call?.messages[0].method === 'initialize';
}

function mayBorrow({ call }: UpstreamRequest): boolean {
  return call !== undefined && !standsAlone(call);
}

/** What a sink that changes little of another one has in common with it. */
function passingTo(sink: AnswerSink): AnswerSink {
  return {
    answer: (head, body) => sink.answer(head, body),
    open: (head) => sink.open(head),
    write: (chunk) => sink.write(chunk),
    end: () => sink.end(),
    fail: (refusal) => sink.fail(refusal),
  };
}

/** A new session has no events of the old one that could be sent again. */
function withoutPast(request: UpstreamRequest): UpstreamRequest {
  return { ...request, forwardedHeaders: withoutHeader(request.forwardedHeaders, 'last-event-id') };
}

interface Sending {
  readonly sessionId: string | undefined;
  readonly body: Buffer | null;
}

function dispatch(target: UpstreamTarget, request: UpstreamRequest, answer: UpstreamAnswer, { sessionId, body }: Sending): void {
  const isStream = request.call === undefined;
  const headers = (isStream ? target.streamHeaders : target.messageHeaders).concat(request.forwardedHeaders);
  if (sessionId !== undefined) headers.push(SESSION_HEADER, sessionId);
  const pool = listens(request.call) ? target.streamPool : target.pool;
  pool.dispatch(
    {
      path: pathOf(target, request.tailPath),
      method: request.httpMethod,
      headers,
      body,
      // The watch keeps the server's limits, to a fraction of what the client's own timers would be late.
      headersTimeout: 0,
      bodyTimeout: 0,
    },
    answer,
  );
}

/** Passes back-pressure and cancellation on to whichever dispatch serves the request at the moment. */
class HttpFlight implements UpstreamFlight {
  #answer: UpstreamAnswer | undefined;
  #leave: (() => void) | undefined;
  #isCancelled = false;

  /** `leave` is called when the dispatch is cancelled or another one takes its place, since its sink then hears nothing more. */
  follow(answer: UpstreamAnswer, leave: (() => void) | undefined): void {
    this.#leave?.();
    this.#answer = answer;
    this.#leave = leave;
    if (this.#isCancelled) this.cancel();
  }

  resume(): void {
    this.#answer?.resume();
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#answer?.cancel();
    this.#leave?.();
  }
}

/** A server without an endpoint cannot be sent anything. */
export function missingEndpoint(server: GovernedServer): Refusal {
  return new Refusal('missing_endpoint', 'missing_endpoint', `the MCP server '${server.config.slug}' has no endpoint`);
}
