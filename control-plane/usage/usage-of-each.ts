/** What each server or key was used for: one statement for all that an operation asks about with the same range. */
import type { EntityManager } from '@mikro-orm/postgresql';
import DataLoader from 'dataloader';
import { z } from 'zod';
import type { TimeRange } from '../database/sql-condition.ts';
import type { UsageTotals } from './usage-analytics.types.ts';
import { spanOf } from './usage-buckets.ts';
import { GROUPS } from './usage-groups.ts';
import { readingSums, sumsOf } from './usage-sums.ts';
import { NO_TOTALS, totalsSchema, totalsSql, toUsageTotals } from './usage-totals.ts';

interface Question {
  readonly group: 'SERVER' | 'API_KEY';
  readonly range: TimeRange;
  readonly hasLatencies: boolean;
}
export interface UsageOfOne extends Question {
  readonly id: string;
}
export type UsageOfEach = DataLoader<UsageOfOne, UsageTotals, string>;

const rowsSchema = z.array(totalsSchema.extend({ id: z.string() }));

export function usageOfEach(em: EntityManager, organisationId: string): UsageOfEach {
  return new DataLoader(
    async (asked) => {
      const questions = new Map(asked.map((one) => [textOf(one), one]));
      const found = new Map<string, UsageTotals>();
      for (const [text, question] of questions) {
        const ids = asked.filter((one) => textOf(one) === text).map(({ id }) => id);
        for (const { id, ...totals } of await read(em, organisationId, question, ids)) found.set(text + id, toUsageTotals(totals));
      }
      return asked.map((one) => found.get(textOf(one) + one.id) ?? toUsageTotals(NO_TOTALS));
    },
    { cacheKeyFn: (one) => textOf(one) + one.id },
  );
}

function textOf({ group, range, hasLatencies }: Question): string {
  return JSON.stringify([group, range.gte, range.lt, hasLatencies]);
}

async function read(em: EntityManager, organisationId: string, { group, range, hasLatencies }: Question, ids: readonly string[]) {
  const { dimension, fields } = GROUPS[group];
  const filter = { range, [fields[0]]: ids };
  const from = sumsOf(organisationId, { filter, span: spanOf(range, new Date()), granularity: undefined, hasLatencies, dimensions: [dimension] });
  const sql = `select ${dimension} as id, ${totalsSql(hasLatencies)} from ${from.sql} group by ${dimension}`;
  return rowsSchema.parse(await readingSums(em, (reader) => reader.execute(sql, [...from.values])));
}
