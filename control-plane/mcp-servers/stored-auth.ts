/** How Turnpike signs in upstream, as it is stored: with OAuth that is more than the data planes are told. */
import type { OAuth2Mode, UpstreamAuth } from '../../shared/mcp-server.ts';
import type { SealedSecret } from '../../shared/sealed-secret.ts';

export interface OAuth2Auth {
  readonly type: 'OAUTH2';
  readonly mode: OAuth2Mode;
  /** Where Turnpike's own tokens come from; null where a sign-in finds out. */
  readonly tokenUrl: string | null;
  /** Null where Turnpike registers itself. */
  readonly clientId: string | null;
  readonly clientSecret: SealedSecret | null;
  readonly scope: string | null;
  readonly audience: string | null;
  /** What the tokens are for (RFC 8707); null for the server's endpoint where it is asked for. */
  readonly resource: string | null;
}

export type StoredAuth = Exclude<UpstreamAuth, { type: 'OAUTH2' }> | OAuth2Auth;

/** What data planes need to know: tokens reach them by themselves, and what those are got with never does. */
export function toldAuth(auth: StoredAuth): UpstreamAuth {
  return auth.type === 'OAUTH2' ? { type: auth.type, mode: auth.mode } : auth;
}
