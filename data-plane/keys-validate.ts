/** `POST /v1/keys/validate`: tells the holder of a key whether it works, until when, and which servers it may call. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { judgeAccess } from '../shared/access-grant.ts';
import type { ApiKey } from '../shared/api-key.ts';
import { asRefusal, Refusal } from '../shared/refusal.ts';
import { boundAgentOf, type Snapshot } from './config/snapshot.ts';
import { Exchange } from './exchange.ts';
import type { Gateway } from './gateway.ts';
import { answerJson } from './answer-json.ts';
import { authenticateKey } from './steps/authenticate-key.ts';
import { checkAvailability } from './steps/check-availability.ts';
import { limitBeforeAuth } from './steps/limit-before-auth.ts';
import { Trail } from './trail.ts';

/** Answers 200 for a key that does not work as well, with the reason; the guess limit of the gateway counts here too. */
export function validateKey(gateway: Gateway, request: IncomingMessage, response: ServerResponse): void {
  const exchange = new Exchange(request, response, { identifier: '', tailPath: '' }, gateway.clock);
  const trail = new Trail();
  request.resume();
  try {
    if (exchange.method !== 'POST') throw new Refusal('method_not_allowed', 'method_not_allowed', 'use POST');
    const snapshot = checkAvailability(gateway);
    limitBeforeAuth(gateway, snapshot, exchange);
    const key = authenticateKey(gateway, snapshot, exchange, trail);
    const expiresAt = key.expiresAtMillis === null ? null : new Date(key.expiresAtMillis).toISOString();
    answerJson(response, 200, { valid: true, keyPrefix: key.prefix, expiresAt, servers: serversOf(snapshot, key, gateway.clock.now()) });
  } catch (error) {
    const refusal = asRefusal(error);
    if (refusal.code === 'internal') gateway.log.error({ err: refusal.cause }, 'a key could not be validated');
    const status = refusal.code === 'unauthorized' ? 200 : refusal.status;
    answerJson(response, status, { valid: false, code: refusal.code, reason: refusal.reason, message: refusal.message, keyPrefix: trail.keyPrefix ?? null });
  }
}

function serversOf(snapshot: Snapshot, key: ApiKey, nowMillis: number): string[] {
  const agent = boundAgentOf(snapshot, key);
  const grants = snapshot.grants.get(key.id) ?? new Map();
  const servers = new Set(snapshot.servers.get(key.organisationId)?.values());
  return [...servers]
    .filter(({ config }) => config.enabled && judgeAccess({ key, server: config, grant: grants.get(config.id), agent }, nowMillis) === 'granted')
    .map(({ config }) => config.slug)
    .toSorted();
}
