/** What usage is summed by: the columns that roll-ups and records share, and where an event and a record have them. */
import type { UsageEvent } from '../../shared/usage-event.ts';

/** By the column of the roll-ups: the field of the event, and the table of the record. */
export const DIMENSIONS = {
  team_id: { field: 'teamId', table: 'u' },
  user_id: { field: 'userId', table: 'u' },
  user_domain: { field: 'userDomain', table: 'u' },
  api_key_id: { field: 'apiKeyId', table: 'u' },
  client_name: { field: 'clientName', table: 'u' },
  server_id: { field: 'serverId', table: 'm' },
  server_slug: { field: 'serverSlug', table: 'm' },
  transport: { field: 'transport', table: 'm' },
  tool: { field: 'tool', table: 'm' },
  decision: { field: 'decision', table: 'u' },
  code: { field: 'code', table: 'u' },
  dlp_outcome: { field: 'dlpOutcome', table: 'u' },
  agent_id: { field: 'agentId', table: 'u' },
  agent_client_id: { field: 'agentClientId', table: 'u' },
} as const satisfies Record<string, { field: keyof UsageEvent; table: 'u' | 'm' }>;
export type Dimension = keyof typeof DIMENSIONS;

/** The agent, or what the client of none calls itself. Sums that know the agent know the client's name. */
export const AGENT_SQL = 'coalesce(agent_id, client_name)';

/** In a fixed order. */
export const DIMENSION_FIELDS = Object.entries(DIMENSIONS).map(([column, { field, table }]) => ({ column, field, table }));

/** How a record is read together with its sidecar. */
export const RECORDS = 'usage_records u join mcp_usage_records m on m.request_id = u.request_id';
