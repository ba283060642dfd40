/** Says in one word how a server is, from what calls of it showed. */
import type { UpstreamAuth } from '../../shared/mcp-server.ts';
import type { Refusal } from '../../shared/refusal.ts';
import type { Sighted } from './server-sighting.ts';

export type SightedHealth = 'CONNECTED' | 'NEEDS_AUTH' | 'AUTH_EXPIRED' | 'UNREACHABLE' | 'PROTOCOL_ERROR';

/** As the control plane takes it. */
export interface ServerReport {
  readonly serverId: string;
  /** Null when nothing is new of it. */
  readonly health: SightedHealth | null;
  readonly detail: string | null;
  readonly toolsChanged: boolean;
}

/** Of a server that is there: something came back, but not what the protocol says. */
const PROTOCOL_REASONS: ReadonlySet<string> = new Set(['bad_status', 'bad_answer', 'response_too_large', 'redirect_refused', 'stdio_protocol']);

/** Whoever answers some of its callers is there. */
export function healthOf({ answers, failure }: Sighted, auth: UpstreamAuth): { health: SightedHealth; detail: string | null } {
  if (answers > 0 || failure === undefined) return { health: 'CONNECTED', detail: null };
  return { health: healthOfFailure(failure, auth), detail: failure.message };
}

function healthOfFailure({ code, reason }: Refusal, auth: UpstreamAuth): SightedHealth {
  if (code === 'upstream_auth_error') return auth.type === 'NONE' ? 'NEEDS_AUTH' : 'AUTH_EXPIRED';
  return PROTOCOL_REASONS.has(reason) ? 'PROTOCOL_ERROR' : 'UNREACHABLE';
}
