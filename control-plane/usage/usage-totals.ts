/** What a set of usage adds up to: the SQL that sums it, exact, and what can be told of it. */
import { z } from 'zod';
import { formatUsd } from '../../shared/nanos-usd.ts';
import { LATENCY_COLUMNS, percentileMicros } from './latency-buckets.ts';
import type { UsageMetric, UsageTotals } from './usage-analytics.types.ts';

/** What it costs to know, and is only summed when it is asked for. */
export interface Wanted {
  readonly hasLatencies: boolean;
  readonly hasKeys: boolean;
}

const SUMS = {
  calls: 'sum(calls)',
  denied: `sum(calls) filter (where decision = 'DENIED')`,
  errors: `sum(calls) filter (where decision = 'ERRORED')`,
  input_bytes: 'sum(input_bytes)',
  output_bytes: 'sum(output_bytes)',
  cost: 'sum(cost_nanos_usd)',
} as const;

/** What groups are ordered by, the largest first; by latency would put the rarest first. */
export const ORDER_SQL: Readonly<Record<UsageMetric, string>> = {
  CALLS: SUMS.calls,
  DENIED: SUMS.denied,
  ERRORS: SUMS.errors,
  COST: SUMS.cost,
  INPUT_BYTES: SUMS.input_bytes,
  OUTPUT_BYTES: SUMS.output_bytes,
  LATENCY_P50: SUMS.calls,
  LATENCY_P95: SUMS.calls,
  LATENCY_P99: SUMS.calls,
  UNIQUE_KEYS: 'count(distinct api_key_id)',
};

export const totalsSchema = z.object({
  calls: z.coerce.bigint(),
  denied: z.coerce.bigint(),
  errors: z.coerce.bigint(),
  input_bytes: z.coerce.bigint(),
  output_bytes: z.coerce.bigint(),
  cost: z.coerce.bigint(),
  keys: z.coerce.bigint(),
  /** Counts of the buckets; none when they were not wanted. */
  latencies: z.string().transform((text) => (text === '' ? [] : text.split(',').map(Number))),
});
export type Totals = z.infer<typeof totalsSchema>;

/** The columns of `totalsSchema`. */
export function totalsSql({ hasLatencies, hasKeys }: Wanted): string {
  const sums = Object.entries(SUMS).map(([name, sum]) => `coalesce(${sum}, 0)::text as ${name}`);
  const latencies = hasLatencies ? `concat_ws(',', ${LATENCY_COLUMNS.map((column) => `coalesce(sum(${column}), 0)`).join(', ')})` : `''`;
  return `${sums.join(', ')}, ${hasKeys ? ORDER_SQL.UNIQUE_KEYS : '0'}::text as keys, ${latencies} as latencies`;
}

export const NO_TOTALS: Totals = { calls: 0n, denied: 0n, errors: 0n, input_bytes: 0n, output_bytes: 0n, cost: 0n, keys: 0n, latencies: [] };

/** One metric as a decimal; null for a latency of no calls. */
export function metricOf(metric: UsageMetric, totals: Totals): string | null {
  switch (metric) {
    case 'CALLS':
      return String(totals.calls);
    case 'DENIED':
      return String(totals.denied);
    case 'ERRORS':
      return String(totals.errors);
    case 'COST':
      return String(totals.cost);
    case 'INPUT_BYTES':
      return String(totals.input_bytes);
    case 'OUTPUT_BYTES':
      return String(totals.output_bytes);
    case 'UNIQUE_KEYS':
      return String(totals.keys);
    case 'LATENCY_P50':
      return percentileMillis(totals, 50)?.toString() ?? null;
    case 'LATENCY_P95':
      return percentileMillis(totals, 95)?.toString() ?? null;
    case 'LATENCY_P99':
      return percentileMillis(totals, 99)?.toString() ?? null;
  }
}

export function toUsageTotals(totals: Totals): UsageTotals {
  return {
    calls: String(totals.calls),
    denied: String(totals.denied),
    errors: String(totals.errors),
    inputBytes: String(totals.input_bytes),
    outputBytes: String(totals.output_bytes),
    cost: { nanosUsd: String(totals.cost), usd: formatUsd(totals.cost) },
    latencyP50Ms: percentileMillis(totals, 50),
    latencyP95Ms: percentileMillis(totals, 95),
    latencyP99Ms: percentileMillis(totals, 99),
  };
}

export function percentileMillis({ latencies }: Totals, percent: 50 | 95 | 99): number | null {
  const micros = percentileMicros(latencies, percent);
  return micros === null ? null : Math.round(micros / 1000);
}
