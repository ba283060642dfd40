/** The Streamable HTTP transport: one dispatch per message over pooled connections, answers relayed as they come. */
import type { Logger } from 'pino';
import { Refusal } from '../../shared/refusal.ts';
import type { GovernedServer } from '../config/governed-server.ts';
import { listens, standsAlone } from '../mcp/revision-claims.ts';
import { SESSION_HEADER } from '../mcp/session-ids.ts';
import { AmbientSessions } from './ambient-sessions.ts';
import type { AnswerSink, Transport, UpstreamFlight, UpstreamRequest } from './transport.ts';
import { refusalOfUpstreamError } from './upstream-errors.ts';
import { UpstreamAnswer } from './upstream-answer.ts';
import type { UpstreamPools } from './upstream-pools.ts';
import type { UpstreamTarget } from './upstream-target.ts';
import { targetOf } from './upstream-target.ts';

/** A tool may work for minutes before its first byte; a stream that only listens may be silent for ever. */
const HEADERS_TIMEOUT_MILLIS = 300_000;
const SILENCE_TIMEOUT_MILLIS = 300_000;

export function createStreamableHttpTransport(pools: UpstreamPools, log: Logger): Transport {
  const ambient = new AmbientSessions(log);
  const targets = new WeakMap<GovernedServer, UpstreamTarget>();

  function send(request: UpstreamRequest, sink: AnswerSink): UpstreamFlight {
    const flight = new HttpFlight();
    try {
      let target = targets.get(request.server);
      if (target === undefined) targets.set(request.server, (target = targetOf(request.server, pools)));
      start(target, request, sink, flight);
    } catch (error) {
      sink.fail(refusalOfUpstreamError(error, request.server));
    }
    return flight;
  }

  /**
   * A caller without a session of its own, such as a single `curl`, is lent one: only servers that refuse messages without a
   * session are asked for it, and each key has its own.
   */
  function start(target: UpstreamTarget, request: UpstreamRequest, sink: AnswerSink, flight: HttpFlight): void {
    const lent = mayBorrow(request) ? ambient.find(request) : undefined;
    const answer = new UpstreamAnswer(request, sink, mayBorrow(request) ? { status: lent === undefined ? 400 : 404, retry } : undefined);
    dispatch(target, request, answer, lent ?? request.upstreamSessionId);
    flight.follow(answer);

    function retry(relayRefused: () => void): void {
      ambient.open(target, request, lent).then(
        (session) => {
          if (session === undefined) return relayRefused();
          const second = new UpstreamAnswer(request, sink, undefined);
          dispatch(target, request, second, session);
          flight.follow(second);
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

function dispatch(target: UpstreamTarget, request: UpstreamRequest, answer: UpstreamAnswer, sessionId: string | undefined): void {
  const isStream = request.call === undefined;
  const headers = [...(isStream ? target.streamHeaders : target.messageHeaders), ...request.forwardedHeaders];
  if (sessionId !== undefined) headers.push(SESSION_HEADER, sessionId);
  target.pool.dispatch(
    {
      path: target.path,
      method: request.httpMethod,
      headers,
      body: request.call?.bytes ?? null,
      headersTimeout: HEADERS_TIMEOUT_MILLIS,
      bodyTimeout: listens(request.call) ? 0 : SILENCE_TIMEOUT_MILLIS,
    },
    answer,
  );
}

/** Passes back-pressure and cancellation on to whichever dispatch serves the request at the moment. */
class HttpFlight implements UpstreamFlight {
  #answer: UpstreamAnswer | undefined;
  #isCancelled = false;

  follow(answer: UpstreamAnswer): void {
    this.#answer = answer;
    if (this.#isCancelled) answer.cancel();
  }

  resume(): void {
    this.#answer?.resume();
  }

  cancel(): void {
    this.#isCancelled = true;
    this.#answer?.cancel();
  }
}

/** A server without an endpoint cannot be sent anything. */
export function missingEndpoint(server: GovernedServer): Refusal {
  return new Refusal('missing_endpoint', 'missing_endpoint', `the MCP server '${server.config.slug}' has no endpoint`);
}
