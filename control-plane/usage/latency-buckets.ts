/** The fixed buckets in which latencies are counted, and the percentiles that can be told from the counts. */

const OCTAVES = 19;
const SMALLEST_LOG2 = 8;

/** In microseconds, each at most half as much again as the one before: 256, 384, 512, 768 and so on up to 67 seconds. They never change. */
export const LATENCY_BOUNDS: readonly number[] = Array.from({ length: OCTAVES }, (_, octave) => 2 ** (SMALLEST_LOG2 + octave)).flatMap((bound, octave) =>
  octave === OCTAVES - 1 ? [bound] : [bound, bound * 1.5],
);

/** A count for each bucket: bucket n holds what is below bound n and not below the one before. The last one has no upper bound. */
export const LATENCY_COLUMNS: readonly string[] = Array.from({ length: LATENCY_BOUNDS.length + 1 }, (_, bucket) => `l${bucket}`);

/** In which bucket a latency is counted, as SQL. */
export const LATENCY_BUCKET_SQL = `width_bucket(latency_micros, '{${LATENCY_BOUNDS.join()}}'::bigint[])`;

/** In which bucket a latency is counted. */
export function latencyBucketOf(micros: number): number {
  const above = LATENCY_BOUNDS.findIndex((bound) => micros < bound);
  return above === -1 ? LATENCY_BOUNDS.length : above;
}

/**
 * The latency that this share of the calls did not exceed, in microseconds: somewhere in the bucket of the true one, as if its calls were spread evenly
 * there; of the last bucket, its lower bound. Null without calls.
 */
export function percentileMicros(counts: readonly number[], percent: 50 | 95 | 99): number | null {
  const calls = counts.reduce((sum, count) => sum + count, 0);
  if (calls === 0) return null;
  // Rounded up: of one call, that one is every percentile.
  const rank = Math.ceil((calls * percent) / 100);
  let below = 0;
  for (const [bucket, count] of counts.entries()) {
    if (below + count >= rank) return within(bucket, (rank - below) / count);
    below += count;
  }
  return within(LATENCY_BOUNDS.length, 1);
}

function within(bucket: number, share: number): number {
  const lower = LATENCY_BOUNDS[bucket - 1] ?? 0;
  const upper = LATENCY_BOUNDS[bucket] ?? lower;
  return lower + (upper - lower) * share;
}
