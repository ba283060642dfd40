/** Live sums for dashboards: at every interval one frame of what was recorded since the one before, however much that was. */
import { setTimeout as wait } from 'node:timers/promises';
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { withinOrganisation } from '../database/roles.ts';
import { badInput } from '../graphql/errors.ts';
import { cursorOf } from '../graphql/connection.ts';
import type { UsageTick } from './usage-tick.types.ts';
import type { UsageFilter } from './usage-filter.ts';
import { GROUPS, keySql, labelsOf, type UsageGroup } from './usage-groups.ts';
import { readingSums, recordedBetween } from './usage-sums.ts';
import { NO_TOTALS, sumsSql, totalsSchema, totalsSql, toUsageTotals } from './usage-totals.ts';

const INTERVAL_MILLIS_MIN = 250;
const INTERVAL_MILLIS_MAX = 60_000;
const TOP_MAX = 50;
/** A frame sums no more than the newest so many: whoever was away for long asks for analytics. */
const RECORDS_MAX = 100_000n;

export interface TickQuestion {
  readonly filter: UsageFilter;
  readonly intervalMillis: number;
  readonly groupBy: UsageGroup | null;
  readonly top: number;
  readonly hasLatencies: boolean;
  /** Where the first frame begins; null is now. */
  readonly after: string | null;
}

const lastSchema = z.tuple([z.object({ last: z.coerce.bigint() })]);
/** The key is null for everything. */
const rowsSchema = z.array(totalsSchema.extend({ key: z.string().nullable() }));

export class UsageTicks {
  readonly #em: EntityManager;

  constructor(em: EntityManager) {
    this.#em = em;
  }

  /** Frames are made as they are asked for, so a slow reader gets fewer of them that tell as much. Throws BAD_USER_INPUT for frames that come too often or are too large. */
  follow(organisationId: string, question: TickQuestion, signal: AbortSignal): AsyncGenerator<UsageTick> {
    requireBounds(question);
    return this.#frames(organisationId, question, signal);
  }

  async *#frames(organisationId: string, question: TickQuestion, signal: AbortSignal): AsyncGenerator<UsageTick> {
    const tenant = withinOrganisation(this.#em, organisationId);
    let sequence = question.after === null ? await lastOf(tenant, organisationId) : BigInt(question.after);
    let from = Date.now();
    while (await isTime(from + question.intervalMillis, signal)) {
      const at = Date.now();
      const frame = await readingSums(tenant, (em) => readFrame(em, organisationId, question, sequence));
      yield { cursor: cursorOf(String(frame.last)), at: new Date(at), windowMs: at - from, ...frame.told };
      sequence = frame.last;
      from = at;
    }
  }
}

/** False when the reader has left first. */
async function isTime(atMillis: number, signal: AbortSignal): Promise<boolean> {
  try {
    await wait(Math.max(0, atMillis - Date.now()), undefined, { signal, ref: false });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return !signal.aborted;
}

function requireBounds({ intervalMillis, top }: TickQuestion): void {
  if (intervalMillis < INTERVAL_MILLIS_MIN || intervalMillis > INTERVAL_MILLIS_MAX)
    throw badInput(`intervalMs must be between ${INTERVAL_MILLIS_MIN} and ${INTERVAL_MILLIS_MAX}`);
  if (top < 1 || top > TOP_MAX) throw badInput(`top must be between 1 and ${TOP_MAX}`);
}

async function lastOf(em: EntityManager, organisationId: string): Promise<bigint> {
  const rows = await em.execute('select coalesce(max(sequence), 0)::text as last from usage_records where organisation_id = ?', [organisationId]);
  return lastSchema.parse(rows)[0].last;
}

interface Frame {
  readonly last: bigint;
  readonly told: Pick<UsageTick, 'totals' | 'series' | 'truncated'>;
}

/** Records are numbered in the order of their commits, so none ever appears behind the last one of a frame. */
async function readFrame(em: EntityManager, organisationId: string, { filter, groupBy, top, hasLatencies }: TickQuestion, after: bigint): Promise<Frame> {
  const last = await lastOf(em, organisationId);
  const truncated = last - after > RECORDS_MAX;
  const dimensions = groupBy === null ? [] : [GROUPS[groupBy].dimension];
  const from = recordedBetween(organisationId, { filter, hasLatencies, dimensions }, { after: truncated ? last - RECORDS_MAX : after, last });
  const rows = await em.execute(
    `with keyed as (select ${groupBy === null ? `''::text` : keySql(groupBy)} as key, ${sumsSql(hasLatencies)} from ${from.sql} group by 1)
    select key, ${totalsSql(hasLatencies)} from keyed group by grouping sets ((key), ()) order by grouping(key) desc, sum(calls) desc nulls last, key limit ?`,
    [...from.values, top + 1],
  );
  const sums = rowsSchema.parse(rows);
  const groups = groupBy === null ? [] : sums.flatMap(({ key, ...totals }) => (key === null ? [] : [{ key, totals: toUsageTotals(totals) }]));
  const label = await labelsOf(
    em,
    organisationId,
    groupBy ?? 'TOOL',
    groups.map(({ key }) => key),
  );
  const series = groups.map((group) => ({ ...group, label: label(group.key) }));
  return { last, told: { totals: toUsageTotals(sums.find(({ key }) => key === null) ?? NO_TOTALS), series, truncated } };
}
