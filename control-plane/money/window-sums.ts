/** Sums what the records say was used of windows, in the metric of each limit, all windows in one statement. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { LIMIT_METRICS, type Limit, type LimitMetric } from '../../shared/limit.ts';
import type { ScheduleWindow } from '../../shared/schedule-window.ts';
import { RECORDS } from '../usage/usage-dimensions.ts';
import { groupColumns, isOfSpan, SLOT_COLUMNS, slotsOf, SPAN_COLUMNS, spanOf } from './limit-spans.ts';

export interface CountedWindow {
  readonly limit: Limit;
  readonly window: ScheduleWindow;
}

/** What a group of records used, by metric. */
const AMOUNTS = {
  NANO_USD: 'sum(u.cost_nanos_usd)',
  REQUESTS: 'count(*) filter (where is_admitted)',
  TOOL_CALLS: 'count(*) filter (where is_admitted and m.tool is not null)',
  ERRORS: `count(*) filter (where is_admitted and (u.decision <> 'ALLOWED' or m.is_tool_error))`,
  INPUT_BYTES: 'sum(u.input_bytes) filter (where is_admitted)',
  OUTPUT_BYTES: 'sum(u.output_bytes) filter (where is_admitted)',
  LATENCY_MS: 'sum(round(u.latency_micros / 1000.0)) filter (where is_admitted)',
} as const satisfies Record<LimitMetric, string>;
const IS_ADMITTED = `(u.upstream_latency_micros is not null or u.reason = 'connection_lost')
  and m.rpc_method is not null and m.rpc_method not in ('initialize', 'ping', 'server/discover') and m.rpc_method not like 'notifications/%'`;
const OF_MOMENT = ' and (u.sequence <= ? or u.request_id in (select jsonb_array_elements_text(?::jsonb)))';
const rowsSchema = z.array(z.object({ used: z.string() }));

/** Records that had been stored, or were on their way, at one moment. */
export interface RecordsOfMoment {
  /** The last that was stored; sequences are in the order of storing. */
  readonly sequence: string;
  /** Requests whose records came later, and belong to it all the same. */
  readonly requestIds: readonly string[];
}

/**
 * Exact, in the order of the windows; of all records or of those of a moment. Of a budget, whatever a record costs counts. Of a quota, a request counts when it
 * was admitted: then it was measured how long the server took, or its node was lost. The handshake counts in no quota, and a batch, which is one record, counts
 * as one request.
 */
export async function sumWindows(em: EntityManager, organisationId: string, windows: readonly CountedWindow[], moment?: RecordsOfMoment): Promise<bigint[]> {
  if (windows.length === 0) return [];
  const slots = slotsOf(
    windows.map(({ limit, window }) => ({ fromMillis: Math.max(window.startMillis, limit.countedSinceMillis), untilMillis: window.endMillis })),
  );
  const asked = windows.map(({ limit }, position) => ({ position, metric: limit.metric, ...slots.ofEach[position], ...spanOf(limit) }));
  const columns = groupColumns('u', 'm');
  const rows = await em.fork({ keepTransactionContext: true }).execute(
    `with summed as materialized (
       select width_bucket(u.occurred_at, ?::timestamptz[]) as slot, ${columns}, ${LIMIT_METRICS.map((metric) => `${AMOUNTS[metric]} as "${metric}"`).join(', ')}
       from ${RECORDS} cross join lateral (select ${IS_ADMITTED} as is_admitted) as judged
       where u.organisation_id = ? and u.occurred_at >= ? and u.occurred_at < ?${moment === undefined ? '' : OF_MOMENT} group by slot, ${columns})
     select coalesce(sum(case span.metric ${LIMIT_METRICS.map((metric) => `when '${metric}' then summed."${metric}"`).join(' ')} end), 0)::text as used
     from jsonb_to_recordset(?::jsonb) as span (position integer, metric text, ${SLOT_COLUMNS}, ${SPAN_COLUMNS})
     left join summed on slot >= span.from_slot and slot < span.until_slot and ${isOfSpan('summed', 'summed')}
     group by span.position order by span.position`,
    [
      slots.bounds,
      organisationId,
      slots.from,
      slots.until,
      ...(moment === undefined ? [] : [moment.sequence, JSON.stringify(moment.requestIds)]),
      JSON.stringify(asked),
    ],
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
