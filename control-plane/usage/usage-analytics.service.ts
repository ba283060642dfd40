/** Usage over time: every group's sums, and their course in buckets. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { badInput } from '../graphql/errors.ts';
import type { AdminContext } from '../request-context.ts';
import type { UsageAnalytics, UsageMetric, UsageSeries } from './usage-analytics.types.ts';
import { bucketSql, bucketsOf, granularityOf, spanOf, type Granularity } from './usage-buckets.ts';
import type { SqlCondition, UsageFilter } from './usage-filter.ts';
import { keySql, labelsOf, type UsageGroup } from './usage-groups.ts';
import { readingSums, sumsOf } from './usage-sums.ts';
import { metricOf, NO_TOTALS, ORDER_SQL, totalsSchema, totalsSql, toUsageTotals, type Totals, type Wanted } from './usage-totals.ts';

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

const groupSchema = totalsSchema.extend({ key: z.string().nullable(), is_all: z.number() });
const pointSchema = totalsSchema.extend({ key: z.string(), bucket: z.coerce.number() });
type Point = z.infer<typeof pointSchema>;

interface Reading {
  readonly from: SqlCondition;
  readonly key: string;
  readonly wanted: Wanted;
}

export class UsageAnalyticsService {
  async analyse(context: AdminContext, question: AnalyticsQuestion): Promise<UsageAnalytics> {
    const { filter, metrics, groupBy, top } = question;
    if (metrics.length < 1 || metrics.length > METRICS_MAX) throw badInput(`ask for 1 to ${METRICS_MAX} metrics`);
    if (top < 1 || top > TOP_MAX) throw badInput(`top must be between 1 and ${TOP_MAX}`);
    const range = spanOf(filter.range, new Date());
    const granularity = question.granularity ?? granularityOf(range);
    const buckets = bucketsOf(range, granularity);
    const points = buckets.length * metrics.length * (groupBy === null ? 1 : top);
    if (points > POINTS_MAX)
      throw badInput(`that would be ${points} points, and ${POINTS_MAX} is the most; ask for longer buckets, or fewer groups or metrics`);

    const { organisationId } = context.caller;
    const wanted = { hasLatencies: metrics.some((metric) => metric.startsWith('LATENCY')), hasKeys: metrics.includes('UNIQUE_KEYS') };
    const hasLatencies = wanted.hasLatencies || question.hasLatencies;
    const from = sumsOf(organisationId, { filter, span: range, granularity, hasLatencies });
    const reading = { from, key: groupBy === null ? NO_KEY_SQL : keySql(groupBy), wanted };
    return readingSums(context.em, async (em) => {
      const { all, groups } = await groupsOf(em, { ...reading, wanted: { ...wanted, hasLatencies } }, ORDER_SQL[metrics[0] ?? 'CALLS'], top + 1);
      // Without groups there is one series, though nothing may have been used.
      const shown = groupBy === null ? [{ key: '', totals: all }] : groups.slice(0, top);
      const keys = shown.map(({ key }) => key);
      const course = courseOf(await pointsOf(em, reading, granularity, keys));
      const label = groupBy === null ? () => 'all' : await labelsOf(em, organisationId, groupBy, keys);
      const series = shown.flatMap(({ key, totals }) => metrics.map((metric) => toSeries({ key, label: label(key), metric, totals }, buckets, course)));
      return { range, granularity, series, totals: toUsageTotals(all), truncated: groups.length > top };
    });
  }
}

/** The sums of everything, and of the groups with the most. */
async function groupsOf(em: EntityManager, { from, key, wanted }: Reading, order: string, count: number) {
  const rows = await em.execute(
    `select ${key} as key, grouping(${key}) as is_all, ${totalsSql(wanted)} from ${from.sql} group by grouping sets ((${key}), ())
      order by is_all desc, ${order} desc nulls last, key limit ?`,
    [...from.values, count + 1],
  );
  const [all, ...groups] = z.array(groupSchema).parse(rows);
  return { all: all ?? NO_TOTALS, groups: groups.map((group) => ({ key: group.key ?? '', totals: group })) };
}

async function pointsOf(em: EntityManager, { from, key, wanted }: Reading, granularity: Granularity, keys: readonly string[]): Promise<Point[]> {
  if (keys.length === 0) return [];
  const rows = await em.execute(
    `select ${bucketSql(granularity)} as bucket, ${key} as key, ${totalsSql(wanted)} from ${from.sql}
      where ${key} in (${keys.map(() => '?').join(', ')}) group by 1, 2`,
    [...from.values, ...keys],
  );
  return z.array(pointSchema).parse(rows);
}

type Course = ReadonlyMap<string, ReadonlyMap<number, Totals>>;

function courseOf(points: readonly Point[]): Course {
  const course = new Map<string, Map<number, Totals>>();
  for (const point of points) {
    const ofKey = course.get(point.key) ?? new Map<number, Totals>();
    course.set(point.key, ofKey.set(point.bucket, point));
  }
  return course;
}

function toSeries(
  { totals, ...series }: { key: string; label: string; metric: UsageMetric; totals: Totals },
  buckets: readonly number[],
  course: Course,
): UsageSeries {
  const ofKey = course.get(series.key);
  const points = buckets.map((bucket) => ({ at: new Date(bucket), value: metricOf(series.metric, ofKey?.get(bucket) ?? NO_TOTALS) }));
  return { ...series, points, totals: toUsageTotals(totals) };
}
