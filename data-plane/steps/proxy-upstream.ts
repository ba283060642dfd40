/** Step 14: sends the judged bytes over the server's transport and relays the answer as it comes. */
import { Refusal } from '../../shared/refusal.ts';
import { AnswerRelay } from '../answer-relay.ts';
import type { AllowedCall, Outcome, SpendHold } from '../evidence.ts';
import type { Exchange } from '../exchange.ts';
import type { Gateway } from '../gateway.ts';
import { MeteredAnswer } from '../metered-answer.ts';
import { opensDoor } from '../old-clients/door-path.ts';
import { DoorRelay } from '../old-clients/door-relay.ts';
import type { Trail } from '../trail.ts';
import { forwardedHeaders } from '../transports/forwarded-headers.ts';
import type { Transport } from '../transports/transport.ts';
import { poolingId } from '../upstream-auth/held-servers.ts';

/** Every ending is an outcome, a failed upstream too: from here on the call has a price. Without the credentials that it needs it is not sent, and refused. */
export function proxyUpstream(gateway: Gateway, exchange: Exchange, allowed: AllowedCall, hold: SpendHold, trail: Trail): Promise<Outcome> {
  const { access } = allowed;
  if (access.server.needsCredentials !== true) return forward(gateway, exchange, allowed, hold, trail);
  return gateway.credentials
    .authorise(access, exchange)
    .then((server) => forward(gateway, exchange, { ...allowed, access: { ...access, server } }, hold, trail));
}

function forward(gateway: Gateway, exchange: Exchange, allowed: AllowedCall, hold: SpendHold, trail: Trail): Promise<Outcome> {
  const transport = transportOf(gateway, allowed);
  const { allowance } = hold;
  const { responseBytesMax } = hold.ticket;
  if (opensDoor(exchange)) return gateway.doors.open({ gateway, transport, exchange, allowed, trail, responseBytesMax });
  const { rpc, access } = allowed;
  const { door } = rpc;
  return new Promise((resolve) => {
    const finish = (outcome: Outcome) => {
      access.server.sighting.note(outcome.failure);
      resolve(outcome);
    };
    const relay =
      door === undefined
        ? new AnswerRelay(gateway, exchange, allowed, trail, finish)
        : new DoorRelay(gateway.clock, { door, exchange, allowed, trail, allowance }, finish);
    const metered = allowance === undefined ? undefined : new MeteredAnswer(relay, allowance);
    const flight = transport.send(
      {
        requestId: exchange.requestId,
        server: access.server,
        httpMethod: exchange.method === 'GET' ? 'GET' : exchange.method === 'DELETE' ? 'DELETE' : 'POST',
        // The path of a door leads to no place of the upstream's.
        tailPath: door === undefined ? exchange.tailPath : '',
        call: rpc.call,
        upstreamSessionId: rpc.session?.upstreamSessionId,
        introduction: rpc.session?.introduction ?? undefined,
        apiKeyId: poolingId(access.key.id, access.server),
        forwardedHeaders: forwardedHeaders(exchange.headers, rpc.era),
        acceptsEventStream: door !== undefined || exchange.acceptsEventStream,
        acceptsJson: door !== undefined || exchange.acceptsJson,
        responseBytesMax,
      },
      metered ?? relay,
    );
    metered?.follow(flight);
    relay.follow(flight);
  });
}

function transportOf(gateway: Gateway, allowed: AllowedCall): Transport {
  const { config } = allowed.access.server;
  const transport = gateway.transports[config.transport];
  if (transport === undefined) throw new Refusal('missing_endpoint', 'missing_endpoint', `the transport ${config.transport} is not served by this gateway`);
  return transport;
}
