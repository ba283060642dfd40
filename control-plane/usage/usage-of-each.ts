/** What each server, key, agent or client was used for: one statement for all that an operation asks about with the same range. */
import type { EntityManager } from '@mikro-orm/postgresql';
import DataLoader from 'dataloader';
import { z } from 'zod';
import type { TimeRange } from '../database/sql-condition.ts';
import type { UsageTotals } from './usage-analytics.types.ts';
import { spanOf } from './usage-buckets.ts';
import type { Dimension } from './usage-dimensions.ts';
import type { UsageFilter } from './usage-filter.ts';
import { readingSums, sumsOf } from './usage-sums.ts';
import { NO_TOTALS, totalsSchema, totalsSql, toUsageTotals } from './usage-totals.ts';

const GROUPS = {
  SERVER: { dimension: 'server_id', field: 'serverId' },
  API_KEY: { dimension: 'api_key_id', field: 'apiKeyId' },
  AGENT: { dimension: 'agent_id', field: 'agentId' },
  AGENT_CLIENT: { dimension: 'agent_client_id', field: 'agentClientId' },
} as const satisfies Record<string, { dimension: Dimension; field: keyof UsageFilter }>;

interface Question {
  readonly group: keyof typeof GROUPS;
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
  const { dimension, field } = GROUPS[group];
  const filter = { range, [field]: ids };
  const from = sumsOf(organisationId, { filter, span: spanOf(range, new Date()), granularity: undefined, hasLatencies, dimensions: [dimension] });
  const sql = `select ${dimension} as id, ${totalsSql(hasLatencies)} from ${from.sql} group by ${dimension}`;
  return rowsSchema.parse(await readingSums(em, (reader) => reader.execute(sql, [...from.values])));
}
