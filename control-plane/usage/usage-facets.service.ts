/** What usage can be filtered by: the values of each field, with how often they occur. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { badInput } from '../graphql/errors.ts';
import type { AdminContext } from '../request-context.ts';
import type { UsageFacet } from './usage-analytics.types.ts';
import { spanOf, type Span } from './usage-buckets.ts';
import { filteredDimensions, needsRecords, type UsageFilter } from './usage-filter.ts';
import { GROUPS, keySql, labelsOf, type UsageGroup } from './usage-groups.ts';
import { sliceOf } from './usage-slices.ts';
import { readingSums, sumsOf } from './usage-sums.ts';

const VALUES_MAX = 50;

const countsSchema = z.array(z.object({ mask: z.number(), value: z.string(), count: z.string() }));
type Counts = readonly { readonly value: string; readonly count: string }[];

/** Fields whose values are counted behind the same filter and in the same slice, by one reading. */
interface Reading {
  readonly filter: UsageFilter;
  readonly fields: readonly UsageGroup[];
}

export class UsageFacetsService {
  /** In the order of the fields. A field's own filter does not narrow its values, so that another one can be chosen. */
  async facets(context: AdminContext, filter: UsageFilter, fields: readonly UsageGroup[]): Promise<UsageFacet[]> {
    if (fields.length === 0 || new Set(fields).size < fields.length) throw badInput('name at least one field, and each once');
    const span = spanOf(filter.range, new Date());
    const { organisationId } = context.caller;
    return readingSums(context.em, async (em) => {
      const counted = new Map<UsageGroup, Counts>();
      for (const reading of readingsOf(filter, fields))
        for (const [field, counts] of await count(em, organisationId, span, reading)) counted.set(field, counts);
      const facets: UsageFacet[] = [];
      for (const field of fields) {
        const counts = counted.get(field) ?? [];
        const values = counts.map(({ value }) => value);
        const label = await labelsOf(em, organisationId, field, values);
        facets.push({ field, values: counts.map((each) => ({ ...each, label: label(each.value) })) });
      }
      return facets;
    });
  }
}

function readingsOf(filter: UsageFilter, fields: readonly UsageGroup[]): Reading[] {
  const isFiltered = (field: UsageGroup) => GROUPS[field].fields.some((name) => filter[name] != null);
  const free = fields.filter((field) => !isFiltered(field));
  const alone = fields.filter(isFiltered).map((field) => ({ filter: without(filter, field), fields: [field] }));
  const filtered = filteredDimensions(filter);
  const together = Map.groupBy(free, (field) => (needsRecords(filter) ? undefined : sliceOf([...filtered, GROUPS[field].dimension])));
  return [...[...together.values()].map((some) => ({ filter, fields: some })), ...alone];
}

function without(filter: UsageFilter, field: UsageGroup): UsageFilter {
  return { ...filter, ...Object.fromEntries(GROUPS[field].fields.map((name) => [name, null])) };
}

async function count(em: EntityManager, organisationId: string, span: Span, { filter, fields }: Reading): Promise<[UsageGroup, Counts][]> {
  const from = sumsOf(organisationId, {
    filter,
    span,
    granularity: undefined,
    hasLatencies: false,
    dimensions: fields.map((field) => GROUPS[field].dimension),
  });
  const keys = [...new Set(fields.map(keySql))];
  const rows = await em.execute(
    `select mask, value, count from (
      select grouping(${keys.join(', ')}) as mask, coalesce(${keys.join(', ')}) as value, sum(calls)::text as count,
        row_number() over (partition by grouping(${keys.join(', ')}) order by sum(calls) desc, coalesce(${keys.join(', ')})) as place
      from ${from.sql} group by grouping sets (${keys.map((key) => `(${key})`).join(', ')}) having sum(calls) > 0) as counted
    where place <= ? order by mask, place`,
    [...from.values, VALUES_MAX],
  );
  const counts = countsSchema.parse(rows);
  return fields.map((field) => [field, counts.filter(({ mask }) => mask === maskOf(keys.indexOf(keySql(field)), keys.length))]);
}

/** As PostgreSQL's `grouping` tells it: a bit for each key, the first one highest, unset for the key that is grouped by. */
function maskOf(index: number, count: number): number {
  return 2 ** count - 1 - 2 ** (count - 1 - index);
}
