/** Sums what calls cost in windows of budgets, from the usage records, all windows in one statement. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import type { ScheduleWindow } from '../../shared/schedule-window.ts';
import type { Limit } from './limit.entity.ts';

export interface CostSpan {
  readonly limit: Limit;
  readonly window: ScheduleWindow;
}

const rowsSchema = z.array(z.object({ cost: z.string() }));

/** Exact, in nano-USD, in the order of the spans. */
export async function sumCosts(em: EntityManager, organisationId: string, spans: readonly CostSpan[]): Promise<bigint[]> {
  const asked = spans.map(({ limit, window }, position) => ({
    position,
    starts_at: new Date(window.startMillis),
    ends_at: new Date(window.endMillis),
    owner_type: limit.ownerType,
    owner_id: limit.ownerId,
    server_id: limit.mcpServerId ?? null,
    tool: limit.tool ?? null,
  }));
  const rows = await em.execute(
    `select coalesce(sum(spent.cost_nanos_usd), 0)::text as cost
     from jsonb_to_recordset(?::jsonb)
       as span (position integer, starts_at timestamptz, ends_at timestamptz, owner_type text, owner_id text, server_id text, tool text)
     left join lateral (
       select u.cost_nanos_usd from usage_records u join mcp_usage_records m on m.request_id = u.request_id
       where u.organisation_id = ? and u.occurred_at >= span.starts_at and u.occurred_at < span.ends_at
         and (span.server_id is null or m.server_id = span.server_id) and (span.tool is null or m.tool = span.tool)
         and case span.owner_type when 'ORGANISATION' then u.organisation_id when 'TEAM' then u.team_id when 'USER' then u.user_id
           when 'API_KEY' then u.api_key_id when 'MCP_SERVER' then m.server_id end = span.owner_id
     ) spent on true
     group by span.position order by span.position`,
    [JSON.stringify(asked), organisationId],
  );
  return rowsSchema.parse(rows).map(({ cost }) => BigInt(cost));
}
