/** State of a call in several rounds, carried by the client and signed, so that a changed one is noticed (MCP 2026-07-28). */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { CODES, jsonObjectSchema, ProtocolError, type JsonObject } from './messages.ts';

const KEY = randomBytes(32);

export function sealState(state: JsonObject): string {
  const body = Buffer.from(JSON.stringify(state)).toString('base64url');
  return `${body}.${macOf(body).toString('base64url')}`;
}

/** Throws what the client must be told about a state that is not as it was sent. */
export function openState(sealed: string): JsonObject {
  const [body = '', mac = ''] = sealed.split('.');
  const [given, right] = [Buffer.from(mac, 'base64url'), macOf(body)];
  if (given.length !== right.length || !timingSafeEqual(given, right)) throw new ProtocolError(CODES.invalidParams, 'requestState has been changed');
  return jsonObjectSchema.parse(JSON.parse(Buffer.from(body, 'base64url').toString('utf8')));
}

function macOf(body: string): Buffer {
  return createHmac('sha256', KEY).update(body).digest();
}
