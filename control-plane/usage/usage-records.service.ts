/** Finds usage records of one organisation: pages of them, one by its id, and what came after a point in the stream. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { timeOfId } from '../../shared/ids.ts';
import type { SqlCondition } from '../database/sql-condition.ts';
import { COUNTED_MAX, cursorOf, toConnection, type Connection, type Page } from '../graphql/connection.ts';
import { badInput } from '../graphql/errors.ts';
import type { AdminContext, TenantReader } from '../request-context.ts';
import { conditionOf, type UsageFilter } from './usage-filter.ts';
import { RECORDS } from './usage-dimensions.ts';
import { USAGE_COLUMNS, usageRowSchema, type UsageRow } from './usage-row.ts';

export const USAGE_ORDERS = { OCCURRED_AT: 'u.occurred_at', LATENCY: 'u.latency_micros', COST: 'u.cost_nanos_usd' } as const;
export interface UsageOrder {
  readonly field: keyof typeof USAGE_ORDERS;
  readonly direction: 'ASC' | 'DESC';
}

const rowsSchema = z.array(usageRowSchema);
const countSchema = z.object({ count: z.coerce.number() });
const FROM = `from ${RECORDS}`;

export class UsageRecordsService {
  /** Newest first unless ordered otherwise; ties are broken by id. */
  async list(context: TenantReader, filter: UsageFilter, order: UsageOrder, page: Page, isCounted: boolean): Promise<Connection<UsageRow>> {
    const condition = conditionOf(context.caller.organisationId, filter);
    const column = USAGE_ORDERS[order.field];
    const sign = order.direction === 'ASC' ? '>' : '<';
    const after = page.after === undefined ? undefined : readPosition(page.after, order);
    const type = order.field === 'OCCURRED_AT' ? 'timestamptz' : 'numeric';
    const behind = after === undefined ? '' : ` and (${column}, u.id) ${sign} (?::${type}, ?)`;
    const rows = rowsSchema.parse(
      await context.em.execute(
        `select ${USAGE_COLUMNS} ${FROM} where ${condition.sql}${behind} order by ${column} ${order.direction}, u.id ${order.direction} limit ?`,
        [...condition.values, ...(after ?? []), page.first + 1],
      ),
    );
    const total = isCounted ? await this.#count(context.em, condition.sql, condition.values) : null;
    return toConnection(rows, page, (row) => cursorOf(positionOf(row, order)), total);
  }

  async find(context: AdminContext, by: { id: string } | { requestId: string }): Promise<UsageRow | null> {
    const condition = 'id' in by ? byId(by.id) : { sql: 'u.request_id = ?', values: [by.requestId] };
    const rows = await context.em.execute(`select ${USAGE_COLUMNS} ${FROM} where u.organisation_id = ? and ${condition.sql}`, [
      context.caller.organisationId,
      ...condition.values,
    ]);
    return rowsSchema.parse(rows)[0] ?? null;
  }

  /** Those of the ids that there are, in no order. */
  async findAll(context: AdminContext, ids: readonly string[]): Promise<UsageRow[]> {
    const conditions = ids.map(byId);
    const either = conditions.map(({ sql }) => `(${sql})`).join(' or ');
    const values = [context.caller.organisationId, ...conditions.flatMap(({ values: own }) => own)];
    return rowsSchema.parse(await context.em.execute(`select ${USAGE_COLUMNS} ${FROM} where u.organisation_id = ? and (${either})`, values));
  }

  /** In the order in which they were recorded, which is the order of commits: nothing ever appears before a point that was passed. */
  async after(em: EntityManager, organisationId: string, filter: UsageFilter, sequence: string, limit: number): Promise<UsageRow[]> {
    const condition = conditionOf(organisationId, filter);
    const rows = await em
      .fork()
      .execute(`select ${USAGE_COLUMNS} ${FROM} where ${condition.sql} and u.sequence > ? order by u.sequence limit ?`, [...condition.values, sequence, limit]);
    return rowsSchema.parse(rows);
  }

  /** What lies behind a point and before the newest ones: its last sequence and how many they are; undefined when there is nothing. */
  async allBut(
    em: EntityManager,
    organisationId: string,
    filter: UsageFilter,
    from: { sequence: string; newest: number },
  ): Promise<{ last: string; count: number } | undefined> {
    const condition = conditionOf(organisationId, filter);
    const [row] = await em.fork().execute(
      `select max(behind.sequence)::text as last, count(*)::integer as count from
        (select u.sequence ${FROM} where ${condition.sql} and u.sequence > ? order by u.sequence desc offset ?) behind`,
      [...condition.values, from.sequence, from.newest],
    );
    const { last, count } = z.object({ last: z.string().nullable(), count: z.number() }).parse(row);
    return last === null ? undefined : { last, count };
  }

  /** Where the stream of an organisation ends now. */
  async lastSequence(em: EntityManager, organisationId: string): Promise<string> {
    const [row] = await em.fork().execute('select coalesce(max(sequence), 0)::text as last from usage_records where organisation_id = ?', [organisationId]);
    return z.object({ last: z.string() }).parse(row).last;
  }

  /** Null above ten thousand: counting must not be what makes a page slow. */
  async #count(em: EntityManager, sql: string, values: readonly unknown[]): Promise<number | null> {
    const [row] = await em.execute(`select count(*) as count from (select 1 ${FROM} where ${sql} limit ${COUNTED_MAX + 1}) counted`, [...values]);
    const { count } = countSchema.parse(row);
    return count > COUNTED_MAX ? null : count;
  }
}

/** An id is made of the time of its record, which is what records are indexed by. */
function byId(id: string): SqlCondition {
  const millis = timeOfId('usageRecord', id);
  return millis === undefined ? { sql: 'false', values: [] } : { sql: 'u.occurred_at = ? and u.id = ?', values: [new Date(millis), id] };
}

/** The order is part of it: what one list is ordered by says nothing in another. */
function positionOf(row: UsageRow, { field }: UsageOrder): string {
  switch (field) {
    case 'OCCURRED_AT':
      return `${field} ${row.position}`;
    case 'LATENCY':
      return `${field} ${row.latency_micros} ${row.id}`;
    case 'COST':
      return `${field} ${row.cost_nanos_usd} ${row.id}`;
  }
}

function readPosition(position: string, { field }: UsageOrder): [string, string] {
  const [, value, id] = /^[A-Z_]+ ([\d.:+\- ]+) (\S+)$/.exec(position) ?? [];
  const isOurs = field === 'OCCURRED_AT' ? isTime : isAmount;
  if (value === undefined || id === undefined || !position.startsWith(`${field} `) || !isOurs(value)) throw badInput('the cursor is not one of this list');
  return [value, id];
}

/** As PostgreSQL writes a moment: a real day, since whoever makes up another one must not be told of a fault of ours. */
function isTime(text: string): boolean {
  const [, date = '', time = ''] = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?)[+-](?:0\d|1[0-4])(?::[0-5]\d)?$/.exec(text) ?? [];
  const moment = new Date(`${date}T${time}Z`);
  return !Number.isNaN(moment.getTime()) && moment.toISOString().startsWith(date);
}

function isAmount(text: string): boolean {
  return /^\d{1,30}$/.test(text);
}
