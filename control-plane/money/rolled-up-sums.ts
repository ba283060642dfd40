/** Sums usage that limits look at by records, by hours and by days, for all limits in one statement and so of one moment. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { DAY_MILLIS } from '../usage/usage-buckets.ts';
import { RECORDS } from '../usage/usage-dimensions.ts';
import { groupColumns, isOfSpan, SLOT_COLUMNS, slotsOf, SPAN_COLUMNS, spanOf } from './limit-spans.ts';
import type { CountedWindow } from './window-sums.ts';

const sumSchema = z.object({ calls: z.string(), nanosUsd: z.string() });
const rowsSchema = z.array(z.object({ records: sumSchema, hours: sumSchema, days: sumSchema }));

/** Requests, refused ones too, and what they cost: whole numbers as text. */
export type UsageSum = z.infer<typeof sumSchema>;
/** All three are equal, unless one was changed without the others. */
export type RolledUpSums = z.infer<typeof rowsSchema>[number];

const SOURCES = [
  { name: 'records', sums: 'count(*) as calls, sum(u.cost_nanos_usd) as nanos', at: 'u.occurred_at', tables: RECORDS, usage: 'u', mcp: 'm' },
  { name: 'hours', sums: 'sum(r.calls), sum(r.cost_nanos_usd)', at: 'r.at', tables: 'usage_hours r', usage: 'r', mcp: 'r' },
  { name: 'days', sums: 'sum(r.calls), sum(r.cost_nanos_usd)', at: 'r.at', tables: 'usage_days r', usage: 'r', mcp: 'r' },
] as const;

/** In the order of the windows: of every day, in UTC, that a window touches. */
export async function sumRolledUp(em: EntityManager, organisationId: string, windows: readonly CountedWindow[]): Promise<RolledUpSums[]> {
  if (windows.length === 0) return [];
  const slots = slotsOf(
    windows.map(({ window }) => ({
      fromMillis: Math.floor(window.startMillis / DAY_MILLIS) * DAY_MILLIS,
      untilMillis: Math.ceil(window.endMillis / DAY_MILLIS) * DAY_MILLIS,
    })),
  );
  const asked = windows.map(({ limit }, position) => ({ position, ...slots.ofEach[position], ...spanOf(limit) }));
  const rows = await em.fork({ keepTransactionContext: true }).execute(
    `with summed as materialized (${SOURCES.map(groups).join(' union all ')})
     select ${SOURCES.map(({ name }) => sumOf(name)).join(', ')}
     from jsonb_to_recordset(?::jsonb) as span (position integer, ${SLOT_COLUMNS}, ${SPAN_COLUMNS})
     left join summed on slot >= span.from_slot and slot < span.until_slot and ${isOfSpan('summed', 'summed')}
     group by span.position order by span.position`,
    [...SOURCES.flatMap(() => [slots.bounds, organisationId, slots.from, slots.until]), JSON.stringify(asked)],
  );
  return rowsSchema.parse(rows);
}

function groups({ name, sums, at, tables, usage, mcp }: (typeof SOURCES)[number]): string {
  const columns = groupColumns(usage, mcp);
  return `select '${name}' as source, width_bucket(${at}, ?::timestamptz[]) as slot, ${columns}, ${sums} from ${tables}
    where ${usage}.organisation_id = ? and ${at} >= ? and ${at} < ? group by slot, ${columns}`;
}

/** Numbers that JavaScript would round travel as text. */
function sumOf(source: string): string {
  const sum = (column: string) => `coalesce(sum(${column}) filter (where source = '${source}'), 0)::text`;
  return `jsonb_build_object('calls', ${sum('calls')}, 'nanosUsd', ${sum('nanos')}) as ${source}`;
}
