/** How one statement sums for many limits at once: each is a row of `span`, which says what it counts. */
import type { Limit } from '../../shared/limit.ts';

type Counted = Pick<Limit, 'ownerType' | 'ownerId'> & { readonly mcpServerId?: string | null | undefined; readonly tool?: string | null | undefined };

/** The columns of a span that `isOfSpan` looks at, with their types. */
export const SPAN_COLUMNS = 'owner_type text, owner_id text, server_id text, tool text';

export function spanOf({ ownerType, ownerId, mcpServerId, tool }: Counted): Record<string, unknown> {
  return { owner_type: ownerType, owner_id: ownerId, server_id: mcpServerId ?? null, tool: tool ?? null };
}

/** SQL that holds for usage which the limit of the span counts. `usage` knows who called, `mcp` which server and tool. */
export function isOfSpan(usage: string, mcp: string): string {
  return `(span.server_id is null or ${mcp}.server_id = span.server_id) and (span.tool is null or ${mcp}.tool = span.tool)
    and case span.owner_type when 'ORGANISATION' then ${usage}.organisation_id when 'TEAM' then ${usage}.team_id when 'USER' then ${usage}.user_id
      when 'API_KEY' then ${usage}.api_key_id when 'MCP_SERVER' then ${mcp}.server_id end = span.owner_id`;
}
