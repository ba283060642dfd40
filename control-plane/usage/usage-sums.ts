/** Where usage is summed from: days and hours that are summed already as far as they lie in the range, and records for the rest. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { SqlCondition } from '../database/sql-condition.ts';
import { badInput } from '../graphql/errors.ts';
import { LATENCY_BUCKET_SQL, LATENCY_COLUMNS } from './latency-buckets.ts';
import { DAY_MILLIS, HOUR_MILLIS, type Granularity, type Span } from './usage-buckets.ts';
import { DIMENSION_FIELDS, RECORDS } from './usage-dimensions.ts';
import { conditionOf, needsRecords, sumConditionOf, type UsageFilter } from './usage-filter.ts';

/** Summing so many days of records takes too long for an answer. */
const RECORDS_MILLIS_MAX = 31 * DAY_MILLIS;
const DIMENSIONS = DIMENSION_FIELDS.map(({ column }) => column).join(', ');
const OF_DECISIONS = `case decision when 'DENIED' then calls end as denied, case decision when 'ERRORED' then calls end as errors`;
const AMOUNTS = 'input_bytes, output_bytes, cost_nanos_usd';

export interface SummedUsage {
  readonly filter: UsageFilter;
  readonly span: Span;
  /** The shortest time that the sums are told apart by; undefined when they are not. */
  readonly granularity: Granularity | undefined;
  readonly hasLatencies: boolean;
}

/** A table expression with `at`, every dimension, and what can be added up (`ADDENDS`); latencies only when they are wanted. */
export function sumsOf(organisationId: string, { filter, span, granularity, hasLatencies }: SummedUsage): SqlCondition {
  const parts = partsOf(filter, span, granularity).map(({ table, gte, lt }) => {
    const part = { ...filter, range: { gte: new Date(gte), lt: new Date(lt) } };
    return table === 'records' ? fromRecords(organisationId, part, hasLatencies) : fromTable(table, organisationId, part, hasLatencies);
  });
  return { sql: `(${parts.map(({ sql }) => sql).join(' union all ')}) as usage`, values: parts.flatMap(({ values }) => values) };
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

interface Part {
  readonly table: 'records' | 'usage_hours' | 'usage_days';
  readonly gte: number;
  readonly lt: number;
}

/** Whole days, the whole hours around them, and the minutes around those. */
function partsOf(filter: UsageFilter, span: Span, granularity: Granularity | undefined): Part[] {
  const [gte, lt] = [span.gte.getTime(), span.lt.getTime()];
  if (needsRecords(filter) || granularity === 'MINUTE' || granularity === 'FIVE_MINUTES') {
    if (lt - gte > RECORDS_MILLIS_MAX) throw badInput('this filter or granularity needs single records, and can be summed over 31 days at most');
    return [{ table: 'records', gte, lt }];
  }
  const hours = around({ table: 'records', gte, lt }, 'usage_hours', HOUR_MILLIS);
  return granularity === 'HOUR' ? hours : hours.flatMap((part) => (part.table === 'usage_hours' ? around(part, 'usage_days', DAY_MILLIS) : [part]));
}

/** Takes the whole units out of a part. */
function around(part: Part, table: Part['table'], unitMillis: number): Part[] {
  const [first, last] = [Math.ceil(part.gte / unitMillis) * unitMillis, Math.floor(part.lt / unitMillis) * unitMillis];
  if (first >= last) return [part];
  const parts: Part[] = [
    { ...part, lt: first },
    { table, gte: first, lt: last },
    { ...part, gte: last },
  ];
  return parts.filter(({ gte, lt }) => gte < lt);
}

function fromTable(table: string, organisationId: string, filter: UsageFilter, hasLatencies: boolean): SqlCondition {
  const { sql, values } = sumConditionOf(organisationId, filter);
  const latencies = hasLatencies ? `, ${LATENCY_COLUMNS.join(', ')}` : '';
  return { sql: `select at, ${DIMENSIONS}, calls, ${OF_DECISIONS}, ${AMOUNTS}${latencies} from ${table} where ${sql}`, values };
}

function fromRecords(organisationId: string, filter: UsageFilter, hasLatencies: boolean): SqlCondition {
  const { sql, values } = conditionOf(organisationId, filter);
  const latencies = hasLatencies ? `, ${LATENCY_COLUMNS.map((column, bucket) => `case bucket when ${bucket} then 1::bigint end as ${column}`).join(', ')}` : '';
  return {
    sql: `select at, ${DIMENSIONS}, calls, ${OF_DECISIONS}, ${AMOUNTS}${latencies}
      from (select u.occurred_at as at, ${DIMENSIONS}, 1::bigint as calls, ${AMOUNTS}, ${LATENCY_BUCKET_SQL} as bucket from ${RECORDS} where ${sql}) as record`,
    values,
  };
}
