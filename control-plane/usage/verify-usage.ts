/** Compares the sums of usage with the records that they are made of. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { LATENCY_BUCKET_SQL, LATENCY_COLUMNS } from './latency-buckets.ts';
import { DIMENSION_FIELDS, RECORDS } from './usage-dimensions.ts';

const DIFFERENCES_MAX = 100;
const SUMS = ['calls', 'input_bytes', 'output_bytes', 'cost_nanos_usd'];
const UNITS = [
  { table: 'usage_hours', unit: 'hour' },
  { table: 'usage_days', unit: 'day' },
] as const;

const differenceSchema = z.object({ kind: z.enum(['missing', 'unfounded']), sums: z.record(z.string(), z.unknown()) });

/** A line of sums that the records make and the table does not hold, or the reverse; a wrong one is told as one of each. */
export type UsageDifference = z.infer<typeof differenceSchema> & { readonly table: string };

/** At most a hundred of each table; none when every sum of the whole days in the range is what its records make, to the nano. Reads every record. */
export async function usageDifferences(em: EntityManager, range: { readonly gte: Date; readonly lt: Date }): Promise<UsageDifference[]> {
  return em.fork().transactional(
    async (reader) => {
      await reader.execute('set local statement_timeout = 0');
      const differences: UsageDifference[] = [];
      for (const { table, unit } of UNITS) {
        const rows = await reader.execute(comparison(table, unit), [range.gte, range.lt, range.gte, range.lt]);
        differences.push(
          ...z
            .array(differenceSchema)
            .parse(rows)
            .map((difference) => ({ ...difference, table })),
        );
      }
      return differences;
    },
    { isolationLevel: 'repeatable read', readOnly: true },
  );
}

function comparison(table: string, unit: 'hour' | 'day'): string {
  const dimensions = DIMENSION_FIELDS.map(({ column }) => column).join(', ');
  return `
    with latencies as (select u.organisation_id, date_trunc('${unit}', u.occurred_at, 'UTC') as at, ${dimensions}, ${LATENCY_BUCKET_SQL} as bucket,
        u.input_bytes, u.output_bytes, u.cost_nanos_usd from ${RECORDS} where u.organisation_id is not null and ${wholeDays('u.occurred_at')}),
      made as (select organisation_id, at, ${dimensions}, count(*) as calls, sum(input_bytes) as input_bytes, sum(output_bytes) as output_bytes,
        sum(cost_nanos_usd) as cost_nanos_usd,
        ${LATENCY_COLUMNS.map((column, bucket) => `count(*) filter (where bucket = ${bucket}) as ${column}`).join(', ')}
        from latencies group by organisation_id, at, ${dimensions}),
      held as (select organisation_id, at, ${dimensions}, ${[...SUMS, ...LATENCY_COLUMNS].map((column) => `coalesce(sum(${column}), 0) as ${column}`).join(', ')}
        from ${table} where ${wholeDays('at')} group by organisation_id, at, ${dimensions})
    select 'missing' as kind, to_jsonb(line) as sums from (select * from made except select * from held) as line
    union all select 'unfounded', to_jsonb(line) from (select * from held except select * from made) as line limit ${DIFFERENCES_MAX}`;
}

function wholeDays(column: string): string {
  return `${column} >= date_trunc('day', ?::timestamptz, 'UTC') and ${column} < date_trunc('day', ?::timestamptz, 'UTC')`;
}
