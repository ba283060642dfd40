/** Answers the POST of a message that came through a door: with 202 in any case, since its client reads nothing but the stream. */
import type { Refusal } from '../../shared/refusal.ts';
import { denialOf } from '../denials.ts';
import type { Exchange } from '../exchange.ts';
import type { RpcCall } from '../mcp/rpc-call.ts';
import type { Trail } from '../trail.ts';
import { awaitsAnswer } from './awaited-answer.ts';
import type { EventDoor } from './event-door.ts';

/**
 * A request is accepted once it is read, and its answer comes on the stream. What has no answer is accepted when the server has taken
 * it: clients go on as soon as they hear so, and some servers refuse a request that overtakes `notifications/initialized`.
 */
export function acceptAtOnce(exchange: Exchange, call: RpcCall): void {
  if (awaitsAnswer(call)) accept(exchange);
}

/** The flow has ended: whoever waits for an answer is told of a refusal in its place. */
export async function conclude(door: EventDoor, refusal: Refusal | undefined, exchange: Exchange, trail: Trail): Promise<void> {
  if (!exchange.response.headersSent) accept(exchange);
  if (refusal === undefined) return;
  if (awaitsAnswer(trail.rpc?.call)) {
    const { body } = await denialOf(refusal, exchange, trail);
    door.tell(Buffer.from(body));
  }
  // The session was the stream's, and is not to be had again on this one (MCP 2024-11-05, Transports).
  if (refusal.reason === 'unknown_session') door.cut(refusal);
}

function accept({ response, requestId }: Exchange): void {
  response.writeHead(202, ['Turnpike-Request-Id', requestId, 'Content-Length', '0']);
  response.end();
}
