/** An access token of a connection, opened: in memory alone, and in the header of calls. */
import type { SecretSealer } from '../../shared/sealed-secret.ts';
import { accessTokenPlace, tokenName, type UpstreamToken } from '../../shared/upstream-token.ts';
import { ConfigFault } from '../config/config-fault.ts';

export interface ReadyToken {
  readonly connectionId: string;
  /** Names this token among all, and says nothing of it. */
  readonly name: string;
  /** The header, flat. */
  readonly headers: readonly string[];
  readonly expiresAtMillis: number;
}

/** Who holds the one token that is for a whole organisation. */
export const WHOLE_ORGANISATION = '';

/** Throws a `ConfigFault` when it does not open. */
export function readyToken(token: UpstreamToken, sealer: SecretSealer): ReadyToken {
  try {
    const headers = ['authorization', `Bearer ${sealer.open(token.accessToken, accessTokenPlace(token))}`];
    return { connectionId: token.id, name: tokenName(token), headers, expiresAtMillis: token.expiresAtMillis };
  } catch (cause) {
    throw new ConfigFault(`upstreamToken ${token.id}: cannot be used${cause instanceof Error ? `: ${cause.message}` : ''}`, { cause });
  }
}
