/** Says which messages of a client are answered, and which messages of a server answer one. */
import type { RpcCall } from '../mcp/rpc-call.ts';
import { findTopLevelValue } from '../transports/json-members.ts';

const OPEN_BRACKET = 0x5b;

export function awaitsAnswer(call: RpcCall | undefined): boolean {
  return call?.messages.some(({ kind }) => kind === 'request') === true;
}

/** Whether a client can tell what it answers: a response with an id, or a batch of them. */
export function isAnswer(message: Buffer): boolean {
  if (message[0] === OPEN_BRACKET) return true;
  const id = findTopLevelValue(message, 'id');
  if (id === undefined || findTopLevelValue(message, 'method') !== undefined) return false;
  return message.toString('latin1', id.start, id.end) !== 'null';
}
