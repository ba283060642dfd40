/** Usage over time: every group's sums, and their course in buckets. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { badInput } from '../graphql/errors.ts';
import type { AdminContext } from '../request-context.ts';
import type { UsageAnalytics, UsageMetric, UsageSeries } from './usage-analytics.types.ts';
import { LATENCY_COLUMNS } from './latency-buckets.ts';
import { bucketSql, bucketsOf, granularityOf, spanOf, type Granularity, type Span } from './usage-buckets.ts';
import type { UsageFilter } from './usage-filter.ts';
import { GROUPS, keySql, labelsOf, type UsageGroup } from './usage-groups.ts';
import { readingSums, sumsOf } from './usage-sums.ts';
import { ADDENDS, metricOf, NO_TOTALS, ORDER, sumsSql, TOTALS, totalsSchema, totalsSql, toUsageTotals, type Totals } from './usage-totals.ts';

const TOP_MAX = 50;
const METRICS_MAX = 10;
const POINTS_MAX = 20_000;
/** Everything is one group when nothing tells groups apart. */
const NO_KEY_SQL = `''::text`;

export interface AnalyticsQuestion {
  readonly filter: UsageFilter;
  readonly metrics: readonly UsageMetric[];
  readonly groupBy: UsageGroup | null;
  /** By the range when it is null. */
  readonly granularity: Granularity | null;
  readonly top: number;
  /** The totals' latencies are asked for, too. */
  readonly hasLatencies: boolean;
}

const rowSchema = totalsSchema.extend({
  /** Null for the sums of the whole range. */
  bucket: z.coerce.number().nullable(),
  /** Null for everything. */
  key: z.string().nullable(),
  keys: z.coerce.bigint(),
});
type Row = z.infer<typeof rowSchema>;

export class UsageAnalyticsService {
  async analyse(context: AdminContext, question: AnalyticsQuestion): Promise<UsageAnalytics> {
    const { filter, metrics, groupBy, top } = question;
    const range = spanOf(filter.range, new Date());
    const granularity = question.granularity ?? granularityOf(range);
    const buckets = bucketsOf(range, granularity);
    requireBounds(question, buckets.length);
    const { organisationId } = context.caller;
    return readingSums(context.em, async (em) => {
      const rows = await this.#read(em, organisationId, { ...question, range, granularity });
      const whole = rows.filter(({ bucket }) => bucket === null);
      const all = whole.find(({ key }) => key === null) ?? NO_TOTALS;
      const groups = whole.flatMap(({ key, ...totals }) => (key === null ? [] : [{ key, totals }]));
      // Without groups there is one series, though nothing may have been used.
      const shown = groupBy === null ? [{ key: '', totals: all }] : groups.slice(0, top);
      const course = courseOf(rows);
      const label =
        groupBy === null
          ? () => 'all'
          : await labelsOf(
              em,
              organisationId,
              groupBy,
              shown.map(({ key }) => key),
            );
      const series = shown.flatMap(({ key, totals }) => metrics.map((metric) => toSeries({ key, label: label(key), metric, totals }, buckets, course)));
      return { range, granularity, series, totals: toUsageTotals(all), truncated: groups.length > top };
    });
  }

  /** Everything is read once; only the groups that are shown are summed for each bucket, since there may be many others. */
  async #read(em: EntityManager, organisationId: string, question: AnalyticsQuestion & { range: Span; granularity: Granularity }): Promise<Row[]> {
    const { filter, metrics, groupBy, granularity, range, top } = question;
    const hasPointLatencies = metrics.some((metric) => metric.startsWith('LATENCY'));
    const hasLatencies = hasPointLatencies || question.hasLatencies;
    const countsKeys = metrics.includes('UNIQUE_KEYS');
    const keys = countsKeys ? 'count(distinct api_key_id)' : '0';
    const dimensions = [...(groupBy === null ? [] : [GROUPS[groupBy].dimension]), ...(countsKeys ? (['api_key_id'] as const) : [])];
    const from = sumsOf(organisationId, { filter, span: range, granularity, hasLatencies, dimensions, countsValues: countsKeys });
    const columns = [...ADDENDS, ...(hasLatencies ? LATENCY_COLUMNS : []), ...(countsKeys ? ['api_key_id'] : [])];
    const rows = await em.execute(
      `with lines as materialized (select ${bucketSql(granularity)} as bucket, ${groupBy === null ? NO_KEY_SQL : keySql(groupBy)} as key, ${columns.join(', ')}
          from ${from.sql}),
        keyed as materialized (select key, ${sumsSql(hasLatencies)} from lines group by key having sum(calls) > 0),
        groups as (select key, ${totalsSql(hasLatencies)},
          row_number() over (order by grouping(key) desc, sum(${ORDER[metrics[0] ?? 'CALLS']}) desc nulls last, key) as place
          from keyed group by grouping sets ((key), ()) order by place limit ?)
      select null as bucket, key, '0' as keys, ${TOTALS}, place from groups
      union all select bucket::text, key, ${keys}::text, ${totalsSql(hasPointLatencies)}, null from lines where key in (select key from groups)
        group by bucket, key having sum(calls) > 0
      order by place nulls last`,
      [...from.values, top + 2],
    );
    return z.array(rowSchema).parse(rows);
  }
}

/** Throws BAD_USER_INPUT for more than an answer should hold. */
function requireBounds({ metrics, groupBy, top }: AnalyticsQuestion, buckets: number): void {
  if (metrics.length < 1 || metrics.length > METRICS_MAX) throw badInput(`ask for 1 to ${METRICS_MAX} metrics`);
  if (top < 1 || top > TOP_MAX) throw badInput(`top must be between 1 and ${TOP_MAX}`);
  const points = buckets * metrics.length * (groupBy === null ? 1 : top);
  if (points > POINTS_MAX) throw badInput(`that would be ${points} points, and ${POINTS_MAX} is the most; ask for longer buckets, or fewer groups or metrics`);
}

type Course = ReadonlyMap<string, ReadonlyMap<number, Row>>;

function courseOf(rows: readonly Row[]): Course {
  const course = new Map<string, Map<number, Row>>();
  for (const row of rows) {
    if (row.bucket === null || row.key === null) continue;
    const ofKey = course.get(row.key) ?? new Map<number, Row>();
    course.set(row.key, ofKey.set(row.bucket, row));
  }
  return course;
}

function toSeries(
  { totals, ...series }: { key: string; label: string; metric: UsageMetric; totals: Totals },
  buckets: readonly number[],
  course: Course,
): UsageSeries {
  const ofKey = course.get(series.key);
  const points = buckets.map((bucket) => {
    const row = ofKey?.get(bucket);
    return { at: new Date(bucket), value: metricOf(series.metric, row ?? NO_TOTALS, row?.keys ?? 0n) };
  });
  return { ...series, points, totals: toUsageTotals(totals) };
}
