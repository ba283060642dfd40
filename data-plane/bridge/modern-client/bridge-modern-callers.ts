/** Lets callers of revision 2026-07-28 use servers that know only revisions with sessions, over whichever transport reaches them. */
import type { Logger } from 'pino';
import type { GovernedServer } from '../../config/governed-server.ts';
import { MODERN_REVISION } from '../../mcp/protocol-revisions.ts';
import { standsAlone } from '../../mcp/revision-claims.ts';
import type { RpcCall } from '../../mcp/rpc-call.ts';
import type { AnswerSink, Transport, UpstreamFlight, UpstreamRequest } from '../../transports/transport.ts';
import { asRefusal } from '../../../shared/refusal.ts';
import type { Discoveries } from '../discoveries.ts';
import type { BridgedCall } from './bridged-call.ts';
import { BridgeSessions, SESSION_LIMITS, type SessionLimits } from './bridge-sessions.ts';
import { LateFlight } from '../../transports/late-flight.ts';
import { ModernCallers } from './modern-callers.ts';
import { ParkedRounds, ROUND_LIMITS, type RoundLimits } from './parked-rounds.ts';

export interface BridgeParts {
  /** Which servers speak the revision themselves; undefined where they are not asked. */
  readonly discoveries: Discoveries | undefined;
  /** Where they are not asked: which of them are known to speak nothing else. */
  readonly isModernOnly?: (server: GovernedServer) => boolean;
  readonly log: Logger;
  readonly limits?: Partial<SessionLimits & RoundLimits>;
}

/** What belongs to a session, and what a server of the revision is asked, goes to `inner` as it is. */
export function bridgeModernCallers(inner: Transport, { discoveries, isModernOnly = () => false, log, limits = {} }: BridgeParts): Transport {
  const sessions = new BridgeSessions(inner, log, { ...SESSION_LIMITS, ...limits });
  const rounds = new ParkedRounds<BridgedCall>({ ...ROUND_LIMITS, ...limits });
  const callers = new ModernCallers(sessions, rounds);

  function send(request: UpstreamRequest, sink: AnswerSink): UpstreamFlight {
    const { call } = request;
    if (call === undefined || !isModern(request, call)) return inner.send(request, sink);
    if (callers.isAwaited(call)) return callers.send(request, call, sink);
    if (discoveries === undefined) return isModernOnly(request.server) ? inner.send(request, sink) : callers.send(request, call, sink);
    const known = discoveries.known(request);
    if (known === undefined) return sendWhenKnown(discoveries, request, call, sink);
    return known.answer === undefined ? callers.send(request, call, sink) : inner.send(request, sink);
  }

  function sendWhenKnown(unknown: Discoveries, request: UpstreamRequest, call: RpcCall, sink: AnswerSink): UpstreamFlight {
    const flight = new LateFlight();
    unknown.learn(request).then(
      (answer) => {
        if (!flight.isCancelled) flight.follow(answer === undefined ? callers.send(request, call, sink) : inner.send(request, sink));
      },
      (error: unknown) => {
        if (!flight.isCancelled) sink.fail(asRefusal(error));
      },
    );
    return flight;
  }

  return {
    send,
    retire: (serverId) => {
      sessions.retire(serverId);
      inner.retire(serverId);
    },
    close: async () => {
      rounds.close();
      await sessions.close();
      await inner.close();
    },
  };
}

/** Notifications claim nothing for themselves: their header tells. */
function isModern({ forwardedHeaders }: UpstreamRequest, call: RpcCall): boolean {
  if (standsAlone(call)) return true;
  return call.messages[0].kind !== 'request' && forwardedHeaders[forwardedHeaders.indexOf('mcp-protocol-version') + 1] === MODERN_REVISION;
}
