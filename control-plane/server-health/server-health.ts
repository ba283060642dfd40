/** What may be said of a server's health, and which of several things that are known of it is shown. */
import type { McpServer } from '../mcp-servers/mcp-server.entity.ts';
import type { ServerHealthRow } from './server-health.entity.ts';

/** What can be noticed. UNKNOWN is what was noticed so long ago that it says nothing any more. */
export const OBSERVED_HEALTHS = ['UNKNOWN', 'CONNECTED', 'NEEDS_AUTH', 'AUTH_EXPIRED', 'UNREACHABLE', 'PROTOCOL_ERROR'] as const;
export type ObservedHealth = (typeof OBSERVED_HEALTHS)[number];
export const SERVER_HEALTHS = [...OBSERVED_HEALTHS, 'DISABLED'] as const;
export type ServerHealth = (typeof SERVER_HEALTHS)[number];

/** Nobody has noticed anything of it for so long: neither a look nor a call. Nodes say again every ten minutes that a server which is called is there. */
export const SILENT_AFTER_MILLIS = 24 * 3_600_000;

export interface ShownHealth {
  readonly health: ServerHealth;
  readonly detail: string | null;
  readonly lastProbedAt: Date | null;
  readonly protocolVersion: string | null;
  readonly serverInfo: Record<string, unknown> | null;
}

/** A server that is off has no other health. Where sign-in stands in the way nothing else helps, so that is told first. */
export function shownHealth({ enabled }: Pick<McpServer, 'enabled'>, rows: readonly ServerHealthRow[], nowMillis: number): ShownHealth {
  const observed = rows.find(({ source }) => source === 'OBSERVED');
  const signIn = rows.find(({ source, health }) => source === 'SIGN_IN' && health !== 'CONNECTED' && health !== 'UNKNOWN');
  const isFresh = observed !== undefined && nowMillis - observed.observedAt.getTime() < SILENT_AFTER_MILLIS;
  const telling = signIn ?? (isFresh ? observed : undefined);
  return {
    health: enabled ? (telling?.health ?? 'UNKNOWN') : 'DISABLED',
    detail: enabled ? (telling?.detail ?? null) : null,
    lastProbedAt: observed?.probedAt ?? null,
    protocolVersion: observed?.protocolVersion ?? null,
    serverInfo: observed?.serverInfo ?? null,
  };
}

/** Which servers are of a health that is shown, in SQL on `id` and `enabled` of `mcp_servers`. */
export function healthSql(healths: readonly ServerHealth[]): { sql: string; values: string[] } {
  const told = `coalesce((select health from server_health where server_id = mcp_servers.id and (source = 'OBSERVED' and observed_at > now() - interval '${SILENT_AFTER_MILLIS} milliseconds' or source = 'SIGN_IN' and health not in ('CONNECTED', 'UNKNOWN'))
    order by source = 'SIGN_IN' desc limit 1), 'UNKNOWN')`;
  return { sql: `case when enabled then ${told} else 'DISABLED' end in (${healths.map(() => '?').join(', ') || 'null'})`, values: [...healths] };
}
