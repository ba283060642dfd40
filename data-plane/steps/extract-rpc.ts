/** Step 11: reads the bounded body with the parser of record and the session that the caller presents, and judges who the client says it is. */
import { Refusal } from '../../shared/refusal.ts';
import type { RateTicket, RpcRequest } from '../evidence.ts';
import type { Exchange } from '../exchange.ts';
import type { Gateway } from '../gateway.ts';
import { readRpcCall } from '../mcp/read-rpc-call.ts';
import { eraOf } from '../mcp/header-agreement.ts';
import { MODERN_REVISION, requireLegacyRevision } from '../mcp/protocol-revisions.ts';
import { SESSION_HEADER, type Session } from '../mcp/session-ids.ts';
import { doorIdOf } from '../old-clients/door-path.ts';
import type { EventDoor } from '../old-clients/event-door.ts';
import { acceptAtOnce } from '../old-clients/posted-message.ts';
import { judgeClient } from '../policies/judge-client.ts';
import type { Trail } from '../trail.ts';
import { requestTooLarge } from './enforce-policy.ts';

const JSON_MEDIA_TYPE = /^application\/json(?:\s*;|$)/i;

export async function extractRpc(gateway: Pick<Gateway, 'sessions' | 'doors'>, exchange: Exchange, ticket: RateTicket, trail: Trail): Promise<RpcRequest> {
  if (exchange.method !== 'POST') return judged((trail.rpc = withoutBody(gateway, exchange, ticket)), exchange, ticket, trail);
  requireJson(exchange);
  const bytes = await exchange.readBody(ticket.requestBytesMax);
  trail.inputBytes = bytes.length;
  const observed = ticket.access.plan.observed?.requestBytes;
  // Only what was read anyway is looked at: the bounds that are enforced stand.
  if (observed !== undefined && bytes.length > observed.bytesMax) trail.observe(requestTooLarge(observed.bytesMax, observed));
  const call = readRpcCall(bytes);
  const [message] = call.messages;
  trail.tool = message.tool;
  // Noted before it is judged, so that a refusal carries the id.
  trail.rpc = { call, message, era: 'legacy', session: undefined, door: undefined };
  const door = doorOf(gateway, exchange, ticket);
  if (door !== undefined) {
    acceptAtOnce(exchange, call);
    trail.rpc = { ...trail.rpc, door };
  }
  const era = eraOf(call, exchange);
  if (era === 'modern' && door !== undefined)
    throw new Refusal('invalid_request', 'sessions_only', 'over HTTP+SSE only revisions are known that begin with initialize');
  // A client that was told to start over may still send its old session with the new handshake: the handshake counts.
  const hasSession = era === 'legacy' && message.method !== 'initialize';
  trail.rpc = { call, message, era, session: hasSession ? sessionOf(gateway, exchange, ticket, door) : undefined, door };
  return judged(trail.rpc, exchange, ticket, trail);
}

function judged(rpc: RpcRequest, exchange: Exchange, { access }: RateTicket, trail: Trail): RpcRequest {
  judgeClient(access, exchange, rpc, trail);
  return rpc;
}

/** The door of an old client, where the path names one. */
function doorOf({ doors }: Pick<Gateway, 'doors'>, exchange: Exchange, { access }: RateTicket): EventDoor | undefined {
  const id = doorIdOf(exchange);
  return id === undefined ? undefined : doors.find(id, { apiKeyId: access.key.id, serverId: access.server.config.id });
}

function withoutBody(gateway: Pick<Gateway, 'sessions'>, exchange: Exchange, ticket: RateTicket): RpcRequest {
  const revision = exchange.header('mcp-protocol-version');
  if (revision === MODERN_REVISION) throw new Refusal('method_not_allowed', 'method_not_allowed', `revision ${revision} knows only POST`);
  requireLegacyRevision(revision);
  if (exchange.method === 'GET' && !exchange.acceptsEventStream) {
    throw new Refusal('method_not_allowed', 'method_not_allowed', 'GET opens an event stream; send Accept: text/event-stream');
  }
  return { call: undefined, message: undefined, era: 'legacy', session: sessionOf(gateway, exchange, ticket) };
}

function requireJson(exchange: Exchange): void {
  const type = exchange.header('content-type');
  if (type !== undefined && JSON_MEDIA_TYPE.test(type)) {
    const coding = exchange.header('content-encoding');
    if (coding === undefined || coding === 'identity') return;
    throw new Refusal('unsupported_media_type', 'unsupported_media_type', `the content coding ${coding} is not supported`);
  }
  throw new Refusal('unsupported_media_type', 'unsupported_media_type', 'the content type must be application/json');
}

/** A session that is not this key's on this server is answered exactly as one that never was. An old client knows of none: its door does. */
function sessionOf(gateway: Pick<Gateway, 'sessions'>, exchange: Exchange, ticket: RateTicket, door?: EventDoor): Session | undefined {
  if (door !== undefined) return door.session;
  const presented = exchange.header(SESSION_HEADER);
  if (presented === undefined) return undefined;
  const { key, server } = ticket.access;
  const session = gateway.sessions.read(presented, { apiKeyId: key.id, serverId: server.config.id });
  if (session === undefined) throw new Refusal('mcp_not_found', 'unknown_session', 'there is no such session; start over with initialize');
  return session;
}
