/** Compares the sums of usage with the records that they are made of. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { LATENCY_BUCKET_SQL, LATENCY_COLUMNS } from './latency-buckets.ts';
import { DIMENSION_FIELDS, RECORDS } from './usage-dimensions.ts';
import { SLICES } from './usage-slices.ts';

const DIFFERENCES_MAX = 100;
const SUMS = ['calls', 'input_bytes', 'output_bytes', 'cost_nanos_usd'];
const UNITS = [
  { table: 'usage_hours', slices: 'usage_hour_slices', unit: 'hour' },
  { table: 'usage_days', slices: 'usage_day_slices', unit: 'day' },
] as const;

interface Held {
  /** What is told of it. */
  readonly name: string;
  /** The table, and which of its lines. */
  readonly from: string;
  readonly unit: string;
  readonly columns: readonly string[];
}

/** Everything that is kept of sums. */
const ALL_HELD: readonly Held[] = UNITS.flatMap(({ table, slices, unit }) => [
  { name: table, from: `${table} where true`, unit, columns: DIMENSION_FIELDS.map(({ column }) => column) },
  ...SLICES.map(({ name, columns }) => ({ name: `${slices} ${name}`, from: `${slices} where slice = '${name}'`, unit, columns })),
]);

const differenceSchema = z.object({ kind: z.enum(['missing', 'unfounded']), sums: z.record(z.string(), z.unknown()) });

/** A line of sums that the records make and the table does not hold, or the reverse; a wrong one is told as one of each. */
export type UsageDifference = z.infer<typeof differenceSchema> & { readonly table: string };

/** At most a hundred of each table and slice; none when every sum of the whole days in the range is what its records make, to the nano. Reads every record. */
export async function usageDifferences(em: EntityManager, range: { readonly gte: Date; readonly lt: Date }): Promise<UsageDifference[]> {
  return em.fork().transactional(
    async (reader) => {
      await reader.execute('set local statement_timeout = 0');
      const differences: UsageDifference[] = [];
      for (const held of ALL_HELD) {
        const rows = await reader.execute(comparison(held), [range.gte, range.lt, range.gte, range.lt]);
        differences.push(
          ...z
            .array(differenceSchema)
            .parse(rows)
            .map((difference) => ({ ...difference, table: held.name })),
        );
      }
      return differences;
    },
    { isolationLevel: 'repeatable read', readOnly: true },
  );
}

function comparison({ from, unit, columns }: Held): string {
  const dimensions = columns.join(', ');
  return `
    with latencies as (select u.organisation_id, date_trunc('${unit}', u.occurred_at, 'UTC') as at, ${dimensions}, ${LATENCY_BUCKET_SQL} as bucket,
        u.input_bytes, u.output_bytes, u.cost_nanos_usd from ${RECORDS} where u.organisation_id is not null and ${wholeDays('u.occurred_at')}),
      made as (select organisation_id, at, ${dimensions}, count(*) as calls, sum(input_bytes) as input_bytes, sum(output_bytes) as output_bytes,
        sum(cost_nanos_usd) as cost_nanos_usd,
        ${LATENCY_COLUMNS.map((column, bucket) => `count(*) filter (where bucket = ${bucket}) as ${column}`).join(', ')}
        from latencies group by organisation_id, at, ${dimensions}),
      held as (select organisation_id, at, ${dimensions}, ${[...SUMS, ...LATENCY_COLUMNS].map((column) => `coalesce(sum(${column}), 0) as ${column}`).join(', ')}
        from ${from} and ${wholeDays('at')} group by organisation_id, at, ${dimensions})
    select 'missing' as kind, to_jsonb(line) as sums from (select * from made except select * from held) as line
    union all select 'unfounded', to_jsonb(line) from (select * from held except select * from made) as line limit ${DIFFERENCES_MAX}`;
}

function wholeDays(column: string): string {
  return `${column} >= date_trunc('day', ?::timestamptz, 'UTC') and ${column} < date_trunc('day', ?::timestamptz, 'UTC')`;
}
