/** The Streamable HTTP transport: one dispatch per message over pooled connections, answers relayed as they come. */
import type { Logger } from 'pino';
import { Refusal } from '../../shared/refusal.ts';
import type { GovernedServer } from '../config/governed-server.ts';
import { soleRequestOf } from '../mcp/rpc-call.ts';
import { listens, standsAlone } from '../mcp/revision-claims.ts';
import { SESSION_HEADER } from '../mcp/session-ids.ts';
import { AmbientSessions } from './ambient-sessions.ts';
import type { AnswerSink, Transport, UpstreamFlight, UpstreamRequest } from './transport.ts';
import { refusalOfUpstreamError } from './upstream-errors.ts';
import { SessionTraffic } from './session-traffic.ts';
import { UpstreamAnswer, type SecondTry } from './upstream-answer.ts';
import type { UpstreamPools } from './upstream-pools.ts';
import type { UpstreamTarget } from './upstream-target.ts';
import { pathOf, targetOf } from './upstream-target.ts';

export function createStreamableHttpTransport(pools: UpstreamPools, log: Logger): Transport {
  const ambient = new AmbientSessions(log);
  const traffic = new SessionTraffic();
  const targets = new WeakMap<GovernedServer, UpstreamTarget>();

  function send(request: UpstreamRequest, sink: AnswerSink): UpstreamFlight {
    const flight = new HttpFlight();
    try {
      let target = targets.get(request.server);
      if (target === undefined) targets.set(request.server, (target = targetOf(request.server, pools)));
      start(target, request, sink, flight);
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
  function start(target: UpstreamTarget, request: UpstreamRequest, sink: AnswerSink, flight: HttpFlight): void {
    const deadline = performance.now() + request.server.limits.totalTimeoutMillis;
    const lent = mayBorrow(request) ? ambient.find(request) : undefined;
    attempt(lent ?? request.upstreamSessionId, mayBorrow(request) ? { status: lent === undefined ? 400 : 404, retry } : undefined);

    function attempt(sessionId: string | undefined, secondTry: SecondTry | undefined): void {
      const { call } = request;
      const passage = sessionId === undefined ? undefined : traffic.enter(request, sessionId, sink);
      const answer = new UpstreamAnswer(request, passage?.sink ?? sink, {
        idToken: passage?.idToken ?? soleRequestOf(call)?.idToken,
        secondTry,
        leftMillis: deadline - performance.now(),
      });
      flight.follow(answer, passage?.leave);
      dispatch(target, request, answer, { sessionId, body: passage?.bytes ?? call?.bytes ?? null });
    }

    function retry(relayRefused: () => void): void {
      ambient.open(target, request, lent).then(
        (session) => {
          if (session === undefined) return relayRefused();
          attempt(session, undefined);
        },
        (error: unknown) => sink.fail(refusalOfUpstreamError(error, request.server)),
      );
    }
  }

  return {
    send,
    retire: (serverId) => ambient.retire(serverId),
    close: async () => {
      ambient.close();
      await pools.close();
    },
  };
}

function mayBorrow(request: UpstreamRequest): boolean {
  if (request.upstreamSessionId !== undefined || request.call === undefined) return false;
  return request.call.messages[0].method !== 'initialize' && !standsAlone(request.call);
}

interface Sending {
  readonly sessionId: string | undefined;
  readonly body: Buffer | null;
}

function dispatch(target: UpstreamTarget, request: UpstreamRequest, answer: UpstreamAnswer, { sessionId, body }: Sending): void {
  const { limits } = request.server;
  const isStream = request.call === undefined;
  const headers = [...(isStream ? target.streamHeaders : target.messageHeaders), ...request.forwardedHeaders];
  if (sessionId !== undefined) headers.push(SESSION_HEADER, sessionId);
  const pool = listens(request.call) ? target.streamPool : target.pool;
  pool.dispatch(
    {
      path: pathOf(target, request.tailPath),
      method: request.httpMethod,
      headers,
      body,
      headersTimeout: limits.headersTimeoutMillis,
      bodyTimeout: listens(request.call) ? 0 : limits.idleTimeoutMillis,
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
