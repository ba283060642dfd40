/** Lets clients of the revisions with sessions call servers that know only 2026-07-28: a transport in front of the one that reaches them. */
import { asRefusal, Refusal } from '../../../shared/refusal.ts';
import type { Clock } from '../../../shared/clock.ts';
import { standsAlone } from '../../mcp/revision-claims.ts';
import type { RpcMessage } from '../../mcp/rpc-call.ts';
import type { AnswerSink, Transport, UpstreamFlight, UpstreamRequest } from '../../transports/transport.ts';
import type { Discovered, Discoveries } from '../discoveries.ts';
import { PerEndpoint } from '../per-endpoint.ts';
import { BridgedSessions } from './bridged-sessions.ts';
import type { EndedSessions } from './ended-sessions.ts';
import { FirstWord, STRANGE_HANDSHAKE, STRANGE_MESSAGE, type Strangeness } from './first-word.ts';
import { Interpreter } from './interpreter.ts';
import { LANDED, LateFlight } from '../../transports/late-flight.ts';
import { answerWith, handshakeOf, resultFor } from './own-answers.ts';
import { ParameterHeaders } from './parameter-headers.ts';

export interface LegacyBridgeParts {
  /** What is known of the servers behind the inner transport. */
  readonly discoveries: Discoveries;
  readonly ended: EndedSessions;
  readonly clock: Clock;
}

/** What is known of an endpoint: it has refused a first word of the older revisions, or understood the usual one and is taken to for a while (monotonic milliseconds). */
type Standing = typeof REFUSES | { readonly understandsUntil: number };
const REFUSES = 'refuses';
/** Nearly every message is one; another may be refused where this one is understood. */
const USUAL = 'tools/call';
/** Short enough for one whose server is replaced by a newer one, long enough that hardly any call is listened to for its first word. */
const UNDERSTANDS_MILLIS = 10_000;

/**
 * A server of both eras is spoken to in the caller's own: only where it refuses the first word, and says of itself that it speaks
 * 2026-07-28, the bridge answers in its place.
 */
export function bridgeLegacyCallers(inner: Transport, { discoveries, ended, clock }: LegacyBridgeParts): Transport {
  const sessions = new BridgedSessions(ended);
  const interpreter = new Interpreter({ inner, discoveries, sessions, parameters: new ParameterHeaders(inner, clock) });
  const standings = new PerEndpoint<Standing>();

  function send(request: UpstreamRequest, sink: AnswerSink): UpstreamFlight {
    const { call, upstreamSessionId } = request;
    if (BridgedSessions.isOne(upstreamSessionId)) return speaksLegacyAlone(request) ? startOver(sink) : interpreter.send(request, sink);
    if (call === undefined || upstreamSessionId !== undefined || standsAlone(call)) return inner.send(request, sink);
    const [message] = call.messages;
    if (message.method === 'initialize') return tryFirst(request, sink, STRANGE_HANDSHAKE, (discovered) => introduce(request, message, discovered, sink));
    const interpret = () => interpreter.send(request, sink);
    const standing = standings.get(request);
    if (standing === REFUSES) return speaksLegacyAlone(request) ? tryFirst(request, sink, STRANGE_MESSAGE, interpret) : interpret();
    if (standing !== undefined && message.method === USUAL && clock.elapsed() < standing.understandsUntil) return inner.send(request, sink);
    return tryFirst(request, sink, STRANGE_MESSAGE, interpret);
  }

  /** A server that was known to speak 2026-07-28 may have been replaced by an older one. */
  function speaksLegacyAlone(request: UpstreamRequest): boolean {
    const known = discoveries.known(request);
    return known !== undefined && known.answer === undefined;
  }

  function tryFirst(request: UpstreamRequest, sink: AnswerSink, strangeness: Strangeness, bridge: (discovered: Discovered) => UpstreamFlight): UpstreamFlight {
    const flight = new LateFlight();
    const refused = async (relay: () => void): Promise<void> => {
      // Of a server that cannot be asked now, what it has said stands.
      const discovered = await discoveries.learn(request).catch(() => undefined);
      if (flight.isCancelled) return;
      if (discovered === undefined) return relay();
      standings.set(request, REFUSES);
      flight.follow(bridge(discovered));
    };
    const word = new FirstWord(sink, strangeness, {
      refused: (relay) => void refused(relay).catch((error: unknown) => sink.fail(asRefusal(error))),
      understood: () => {
        if (request.call?.messages[0].method === USUAL) standings.set(request, { understandsUntil: clock.elapsed() + UNDERSTANDS_MILLIS });
      },
    });
    flight.follow(inner.send(request, word));
    return flight;
  }

  return {
    send,
    retire: (serverId) => inner.retire(serverId),
    close: () => {
      sessions.close();
      return inner.close();
    },
  };
}

/** Opens a session that lives in its id alone: what the client says of itself comes back with each request. */
function introduce(request: UpstreamRequest, message: RpcMessage, discovered: Discovered, sink: AnswerSink): UpstreamFlight {
  answerWith(request, sink, resultFor(message, handshakeOf(request, message, discovered)), BridgedSessions.newId());
  return LANDED;
}

function startOver(sink: AnswerSink): UpstreamFlight {
  sink.fail(new Refusal('mcp_not_found', 'unknown_session', 'the server does not speak the revision of this session any more; start over with initialize'));
  return LANDED;
}
