/** Sums what the records say was used of windows, in the metric of each limit, all windows in one statement. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import type { Limit } from '../../shared/limit.ts';
import type { ScheduleWindow } from '../../shared/schedule-window.ts';
import { isOfSpan, SPAN_COLUMNS, spanOf } from './limit-spans.ts';

export interface CountedWindow {
  readonly limit: Limit;
  readonly window: ScheduleWindow;
}

const rowsSchema = z.array(z.object({ used: z.string() }));

/**
 * Exact, in the order of the windows. A request counts when it was admitted: then it was measured how long the server took, or its node was lost. The
 * handshake counts in no window, and a batch, which is one record, counts as one request.
 */
export async function sumWindows(em: EntityManager, organisationId: string, windows: readonly CountedWindow[]): Promise<bigint[]> {
  const asked = windows.map(({ limit, window }, position) => ({
    position,
    metric: limit.metric,
    starts_at: new Date(Math.max(window.startMillis, limit.countedSinceMillis)),
    ends_at: new Date(window.endMillis),
    ...spanOf(limit),
  }));
  const rows = await em.fork().execute(
    `select coalesce(sum(spent.amount), 0)::text as used
     from jsonb_to_recordset(?::jsonb) as span (position integer, metric text, starts_at timestamptz, ends_at timestamptz, ${SPAN_COLUMNS})
     left join lateral (
       select case span.metric
           when 'NANO_USD' then u.cost_nanos_usd when 'REQUESTS' then 1 when 'TOOL_CALLS' then (m.tool is not null)::int
           when 'ERRORS' then (u.decision <> 'ALLOWED' or m.is_tool_error)::int when 'INPUT_BYTES' then u.input_bytes
           when 'OUTPUT_BYTES' then u.output_bytes when 'LATENCY_MS' then round(u.latency_micros / 1000.0) end as amount
       from usage_records u join mcp_usage_records m on m.request_id = u.request_id
       where u.organisation_id = ? and u.occurred_at >= span.starts_at and u.occurred_at < span.ends_at
         and (u.upstream_latency_micros is not null or u.reason = 'connection_lost')
         and m.rpc_method is not null and m.rpc_method not in ('initialize', 'ping', 'server/discover') and m.rpc_method not like 'notifications/%'
         and ${isOfSpan('u', 'm')}
     ) spent on true
     group by span.position order by span.position`,
    [JSON.stringify(asked), organisationId],
  );
  return rowsSchema.parse(rows).map(({ used }) => BigInt(used));
}

const idsSchema = z.array(z.object({ request_id: z.string() }));

/** Which of these requests have a record. */
export async function recordedAmong(em: EntityManager, requestIds: readonly string[]): Promise<string[]> {
  if (requestIds.length === 0) return [];
  const rows = await em
    .fork()
    .execute('select request_id from usage_records where request_id in (select jsonb_array_elements_text(?::jsonb))', [JSON.stringify(requestIds)]);
  return idsSchema.parse(rows).map(({ request_id: requestId }) => requestId);
}
