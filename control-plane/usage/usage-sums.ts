/** Where usage is summed from: days and hours that are summed already, by no more dimensions than it takes, and single records at their edges. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { SqlCondition } from '../database/sql-condition.ts';
import { badInput } from '../graphql/errors.ts';
import { LATENCY_BUCKET_SQL, LATENCY_COLUMNS } from './latency-buckets.ts';
import { DAY_MILLIS, type Granularity, type Span } from './usage-buckets.ts';
import { DIMENSION_FIELDS, RECORDS, type Dimension } from './usage-dimensions.ts';
import { conditionOf, filteredDimensions, needsRecords, needsSidecars, sumConditionOf, type UsageFilter } from './usage-filter.ts';
import { partsOf, type Part } from './usage-parts.ts';
import { sliceOf, type Slice } from './usage-slices.ts';

/** Summing so many days of records takes too long for an answer. */
const RECORDS_MILLIS_MAX = 31 * DAY_MILLIS;
const OF_DECISIONS = `case decision when 'DENIED' then calls end as denied, case decision when 'ERRORED' then calls end as errors`;
const AMOUNTS = ['input_bytes', 'output_bytes', 'cost_nanos_usd'];

export interface SummedUsage {
  readonly filter: UsageFilter;
  readonly span: Span;
  /** The shortest time that the sums are told apart by; undefined when they are not. */
  readonly granularity: Granularity | undefined;
  readonly hasLatencies: boolean;
  /** What else than the filter is asked about; other dimensions are null where the sums do not know them. */
  readonly dimensions: readonly Dimension[];
  /** Values of dimensions are counted, so that no line may be there only to be taken away. */
  readonly countsValues?: boolean;
}

/** A table expression with `at`, the dimensions, and what can be added up (`ADDENDS`); latencies only when they are wanted. Groups without calls are none. */
export function sumsOf(organisationId: string, { filter, span, granularity, hasLatencies, dimensions, countsValues = false }: SummedUsage): SqlCondition {
  const needed = [...filteredDimensions(filter), ...dimensions];
  const slice = sliceOf(needed);
  const isFine = granularity === 'MINUTE' || granularity === 'FIVE_MINUTES' || needsRecords(filter);
  if (isFine && span.lt.getTime() - span.gte.getTime() > RECORDS_MILLIS_MAX)
    throw badInput('this filter or granularity needs single records, and can be summed over 31 days at most');
  const longest = isFine ? 'records' : granularity === 'HOUR' ? 'hours' : 'days';
  const parts = partsOf(span, { longest, onlyAdds: countsValues }).map((part) => {
    const of = { organisationId, filter: { ...filter, range: { gte: new Date(part.gte), lt: new Date(part.lt) } }, hasLatencies };
    return part.table === 'records' ? fromRecords(part.sign, of, needed) : fromTable({ ...part, table: part.table }, of, slice);
  });
  return { sql: `(${parts.map(({ sql }) => sql).join(' union all ')}) as usage`, values: parts.flatMap(({ values }) => values) };
}

/** The same of the records behind one place in the order of storing, up to another. */
export function recordedBetween(
  organisationId: string,
  { filter, hasLatencies, dimensions }: Pick<SummedUsage, 'filter' | 'hasLatencies' | 'dimensions'>,
  { after, last }: { after: bigint; last: bigint },
): SqlCondition {
  const between = { sql: 'u.sequence > ? and u.sequence <= ?', values: [after, last] };
  const { sql, values } = fromRecords(1, { organisationId, filter, hasLatencies, further: [between] }, [...filteredDimensions(filter), ...dimensions]);
  return { sql: `(${sql}) as usage`, values };
}

/** One moment for all that the work reads, so that sums and their parts agree. */
export function readingSums<Answer>(em: EntityManager, work: (em: EntityManager) => Promise<Answer>): Promise<Answer> {
  return em.fork().transactional(
    async (reader) => {
      // Compiling statements as wide as these takes longer than running them, and sorting rows as wide longer than keeping a sum for each group.
      await reader.execute(`set local jit = off; set local work_mem = '64MB'`);
      return work(reader);
    },
    { isolationLevel: 'repeatable read', readOnly: true },
  );
}

interface Reading {
  readonly organisationId: string;
  readonly filter: UsageFilter;
  readonly hasLatencies: boolean;
  /** What is asked of records besides the filter. */
  readonly further?: readonly SqlCondition[];
}

const SLICES_OF = { usage_hours: 'usage_hour_slices', usage_days: 'usage_day_slices' } as const;

function fromTable(
  { table, sign }: Pick<Part, 'sign'> & { table: keyof typeof SLICES_OF },
  { organisationId, filter, hasLatencies }: Reading,
  slice: Slice | undefined,
): SqlCondition {
  const { sql, values } = sumConditionOf(organisationId, filter);
  const from = slice === undefined ? `${table} where ${sql}` : `${SLICES_OF[table]} where slice = '${slice.name}' and ${sql}`;
  const columns = [...DIMENSION_FIELDS.map(({ column }) => column), ...signed(sign, ['calls', ...AMOUNTS, ...(hasLatencies ? LATENCY_COLUMNS : [])])];
  return { sql: withDecisions(`select at, ${columns.join(', ')} from ${from}`, hasLatencies), values };
}

/** Sidecars are only looked up for what is asked about them. */
function fromRecords(sign: Part['sign'], { organisationId, filter, hasLatencies, further }: Reading, needed: readonly string[]): SqlCondition {
  const { sql, values } = conditionOf(organisationId, filter, further);
  const isWhole = needsSidecars(filter) || DIMENSION_FIELDS.some(({ column, table }) => table === 'm' && needed.includes(column));
  const dimensions = DIMENSION_FIELDS.map(({ column, table }) => (isWhole || table === 'u' ? column : `null as ${column}`));
  const latencies = hasLatencies ? LATENCY_COLUMNS.map((column, bucket) => `case bucket when ${bucket} then ${sign}::bigint end as ${column}`) : [];
  const records = `select u.occurred_at as at, ${[...dimensions, ...signed(sign, AMOUNTS)].join(', ')}, ${sign}::bigint as calls, ${LATENCY_BUCKET_SQL} as bucket
    from ${isWhole ? RECORDS : 'usage_records u'} where ${sql}`;
  return { sql: withDecisions(`select *${latencies.map((latency) => `, ${latency}`).join('')} from (${records}) as record`, hasLatencies), values };
}

function signed(sign: Part['sign'], columns: readonly string[]): readonly string[] {
  return sign === 1 ? columns : columns.map((column) => `-${column} as ${column}`);
}

function withDecisions(rows: string, hasLatencies: boolean): string {
  const columns = [...DIMENSION_FIELDS.map(({ column }) => column), 'calls', OF_DECISIONS, ...AMOUNTS, ...(hasLatencies ? LATENCY_COLUMNS : [])];
  return `select at, ${columns.join(', ')} from (${rows}) as line`;
}
