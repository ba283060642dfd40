/** Step 6: turns the presented virtual API key into the key it is, by its keyed hash. */
import type { ApiKey } from '../../shared/api-key.ts';
import { Refusal } from '../../shared/refusal.ts';
import type { RefusalReason } from '../../shared/refusals.ts';
import { readToken, type TokenKind } from '../../shared/token.ts';
import type { KeyMatch, Snapshot } from '../config/snapshot.ts';
import type { Exchange, StandIn } from '../exchange.ts';
import type { Gateway } from '../gateway.ts';
import type { Trail } from '../trail.ts';

const BEARER = /^bearer +(\S+)$/i;

export function authenticateKey(gateway: Pick<Gateway, 'hasher' | 'clock' | 'guesses'>, snapshot: Snapshot, exchange: Exchange, trail: Trail): ApiKey {
  if (exchange.standsFor !== undefined) return keyStoodFor(gateway, snapshot, exchange.standsFor, trail);
  const token = presentedToken(exchange);
  const reading = readToken(token);
  if (reading.kind === 'malformed') throw refused('malformed_key', 'the key is not of the form vk_…');
  trail.keyPrefix = reading.prefix;
  if (reading.kind !== 'apiKey') throw refused('malformed_key', wrongKind(reading.kind));
  const match = snapshot.keysByHash.get(gateway.hasher.hash(token));
  const now = gateway.clock.now();
  if (match === undefined) {
    gateway.guesses.noteFailure(exchange.clientIp, now);
    throw refused('unknown_key', 'the key is not known');
  }
  return usable(match, now, trail);
}

/** For what the control plane asks in the name of a key: nobody presents its secret, and everything else about it is judged as ever. */
function keyStoodFor({ clock }: Pick<Gateway, 'clock'>, snapshot: Snapshot, { apiKeyId, organisationId }: StandIn, trail: Trail): ApiKey {
  const key = snapshot.keys.get(apiKeyId);
  if (key === undefined || key.organisationId !== organisationId) throw refused('unknown_key', 'the key is not known');
  trail.keyPrefix = key.prefix;
  return usable({ key, validUntilMillis: null }, clock.now(), trail);
}

function usable({ key, validUntilMillis }: KeyMatch, now: number, trail: Trail): ApiKey {
  trail.key = key;
  if (key.state === 'REVOKED') throw refused('revoked_key', 'the key has been revoked');
  if (key.state === 'DISABLED') throw refused('disabled_key', 'the key is disabled');
  if (validUntilMillis !== null && validUntilMillis <= now) throw refused('expired_key', 'the key has been rotated, and its grace period is over');
  if (key.expiresAtMillis !== null && key.expiresAtMillis <= now) throw refused('expired_key', 'the key has expired');
  return key;
}

/**
 * Finds whose request it was that an earlier step refused, so that its record is shown to its organisation. Proves nothing
 * and admits nothing: it is asked only when the request has already ended.
 */
export function attributeKey(gateway: Pick<Gateway, 'hasher' | 'config'>, exchange: Exchange, trail: Trail): void {
  const token = BEARER.exec(exchange.header('authorization') ?? '')?.[1] ?? exchange.header('x-api-key') ?? '';
  const reading = readToken(token);
  if (reading.kind !== 'apiKey') return;
  trail.keyPrefix = reading.prefix;
  trail.key = gateway.config.current()?.keysByHash.get(gateway.hasher.hash(token))?.key;
}

/** `Authorization: Bearer` wins over `X-API-Key`; a key anywhere else, such as the query, is not looked for. */
function presentedToken(exchange: Exchange): string {
  const authorization = exchange.header('authorization');
  if (authorization !== undefined) {
    const token = BEARER.exec(authorization)?.[1];
    if (token === undefined) throw refused('malformed_key', 'the Authorization header is not of the form "Bearer vk_…"');
    return token;
  }
  const header = exchange.header('x-api-key');
  if (header === undefined || header === '') throw refused('missing_key', 'no key was presented; send Authorization: Bearer vk_…');
  return header;
}

const WRONG_KINDS: Readonly<Record<Exclude<TokenKind, 'apiKey'>, string>> = {
  adminToken: 'an admin token (tpa_…)',
  dataPlaneToken: 'a data-plane token (tpd_…)',
  invitation: 'an invitation (tpi_…)',
  session: 'a session of a person (tps_…)',
};

function wrongKind(kind: Exclude<TokenKind, 'apiKey'>): string {
  return `this is ${WRONG_KINDS[kind]}; the gateway takes virtual API keys (vk_…)`;
}

function refused(reason: RefusalReason<'unauthorized'>, detail: string): Refusal {
  return new Refusal('unauthorized', reason, detail);
}
