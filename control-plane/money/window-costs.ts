/** Sums what calls cost in windows of budgets, from the usage records, all windows in one statement. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import type { ScheduleWindow } from '../../shared/schedule-window.ts';
import { isOfSpan, SPAN_COLUMNS, spanOf } from './limit-spans.ts';
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
    ...spanOf(limit),
  }));
  const rows = await em.execute(
    `select coalesce(sum(spent.cost_nanos_usd), 0)::text as cost
     from jsonb_to_recordset(?::jsonb)
       as span (position integer, starts_at timestamptz, ends_at timestamptz, ${SPAN_COLUMNS})
     left join lateral (
       select u.cost_nanos_usd from usage_records u join mcp_usage_records m on m.request_id = u.request_id
       where u.organisation_id = ? and u.occurred_at >= span.starts_at and u.occurred_at < span.ends_at
         and ${isOfSpan('u', 'm')}
     ) spent on true
     group by span.position order by span.position`,
    [JSON.stringify(asked), organisationId],
  );
  return rowsSchema.parse(rows).map(({ cost }) => BigInt(cost));
}
