/** What a set of usage adds up to: the SQL that sums it, exact, and what can be told of it. */
import { z } from 'zod';
import { formatUsd } from '../../shared/nanos-usd.ts';
import { LATENCY_COLUMNS, percentileMicros } from './latency-buckets.ts';
import type { UsageMetric, UsageTotals } from './usage-analytics.types.ts';

/** What usage holds that can be added up, and added up again. */
export const ADDENDS = ['calls', 'denied', 'errors', 'input_bytes', 'output_bytes', 'cost_nanos_usd'] as const;

/** What groups are ordered by, the largest first. By latency the rarest would come first, and keys cannot be added up. */
export const ORDER: Readonly<Record<UsageMetric, (typeof ADDENDS)[number]>> = {
  CALLS: 'calls',
  DENIED: 'denied',
  ERRORS: 'errors',
  COST: 'cost_nanos_usd',
  INPUT_BYTES: 'input_bytes',
  OUTPUT_BYTES: 'output_bytes',
  LATENCY_P50: 'calls',
  LATENCY_P95: 'calls',
  LATENCY_P99: 'calls',
  UNIQUE_KEYS: 'calls',
};

export const totalsSchema = z.object({
  calls: z.coerce.bigint(),
  denied: z.coerce.bigint(),
  errors: z.coerce.bigint(),
  input_bytes: z.coerce.bigint(),
  output_bytes: z.coerce.bigint(),
  cost_nanos_usd: z.coerce.bigint(),
  /** Counts of the buckets; none when they were not wanted. */
  latencies: z.string().transform((text) => (text === '' ? [] : text.split(',').map(Number))),
});
export type Totals = z.infer<typeof totalsSchema>;

/** The names of the columns of `totalsSchema`, in the order of `totalsSql`. */
export const TOTALS = [...ADDENDS, 'latencies'].join(', ');

/** Sums under the names of what is summed, so that they can be summed in turn. */
export function sumsSql(hasLatencies: boolean): string {
  return [...ADDENDS, ...(hasLatencies ? LATENCY_COLUMNS : [])].map((name) => `sum(${name}) as ${name}`).join(', ');
}

/** The columns of `totalsSchema`, out of rows or, by `plain`, each out of its own row. */
export function totalsSql(hasLatencies: boolean, plain = false): string {
  const total = (name: string) => `coalesce(${plain ? name : `sum(${name})`}, 0)`;
  const latencies = hasLatencies ? `concat_ws(',', ${LATENCY_COLUMNS.map(total).join(', ')})` : `''`;
  return `${ADDENDS.map((name) => `${total(name)}::text as ${name}`).join(', ')}, ${latencies} as latencies`;
}

export const NO_TOTALS: Totals = { calls: 0n, denied: 0n, errors: 0n, input_bytes: 0n, output_bytes: 0n, cost_nanos_usd: 0n, latencies: [] };

/** One metric as a decimal; null for a latency of no calls. */
export function metricOf(metric: UsageMetric, totals: Totals, keys: bigint): string | null {
  switch (metric) {
    case 'CALLS':
      return String(totals.calls);
    case 'DENIED':
      return String(totals.denied);
    case 'ERRORS':
      return String(totals.errors);
    case 'COST':
      return String(totals.cost_nanos_usd);
    case 'INPUT_BYTES':
      return String(totals.input_bytes);
    case 'OUTPUT_BYTES':
      return String(totals.output_bytes);
    case 'UNIQUE_KEYS':
      return String(keys);
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
    cost: { nanosUsd: String(totals.cost_nanos_usd), usd: formatUsd(totals.cost_nanos_usd) },
    latencyP50Ms: percentileMillis(totals, 50),
    latencyP95Ms: percentileMillis(totals, 95),
    latencyP99Ms: percentileMillis(totals, 99),
  };
}

export function percentileMillis({ latencies }: Totals, percent: 50 | 95 | 99): number | null {
  const micros = percentileMicros(latencies, percent);
  return micros === null ? null : Math.round(micros / 1000);
}
