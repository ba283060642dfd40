/** Finds audit events of one organisation: pages of them, and what came after a position. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { oneOf } from '../database/sql-condition.ts';
import { COUNTED_MAX, cursorOf, toConnection, type Connection, type Page } from '../graphql/connection.ts';
import { badInput } from '../graphql/errors.ts';
import type { TenantReader } from '../request-context.ts';
import { auditConditionOf, type AuditFilter } from './audit-filter.ts';
import { AUDIT_COLUMNS, auditRowSchema, type AuditRow } from './audit-row.ts';

const rowsSchema = z.array(auditRowSchema);
const countSchema = z.object({ count: z.coerce.number() });
const lastSchema = z.object({ last: z.string() });
/** PostgreSQL's largest bigint. */
const POSITION_MAX = 2n ** 63n - 1n;

export class AuditEventsService {
  /** In the order of their chain, from either end. Needs AUDIT_READ, which the caller has asked for. */
  async list(context: TenantReader, filter: AuditFilter, direction: 'ASC' | 'DESC', page: Page, isCounted: boolean): Promise<Connection<AuditRow>> {
    const { sql, values } = auditConditionOf(context.caller.organisationId, filter);
    const after = page.after === undefined ? [] : [requirePosition(page.after)];
    const behind = after.length === 0 ? '' : ` and position ${direction === 'ASC' ? '>' : '<'} ?`;
    const rows = await context.em.execute(
      `select ${AUDIT_COLUMNS} from audit_events where ${sql}${behind} order by audit_events.position ${direction} limit ?`,
      [...values, ...after, page.first + 1],
    );
    const total = isCounted ? await this.#count(context.em, sql, values) : null;
    return toConnection(rowsSchema.parse(rows), page, ({ position }) => cursorOf(position), total);
  }

  /** Those of the ids that there are, in no order. Needs AUDIT_READ, which the caller has asked for. */
  async findAll({ em, caller }: TenantReader, ids: readonly string[]): Promise<AuditRow[]> {
    const { sql, values } = oneOf('id', ids);
    return rowsSchema.parse(
      await em.execute(`select ${AUDIT_COLUMNS} from audit_events where organisation_id = ? and ${sql}`, [caller.organisationId, ...values]),
    );
  }

  /** In the order of the chain, which is the order of commits: nothing ever appears before a position that was passed. */
  async after(em: EntityManager, organisationId: string, position: string, limit: number): Promise<AuditRow[]> {
    const rows = await em
      .fork()
      .execute(`select ${AUDIT_COLUMNS} from audit_events where organisation_id = ? and position > ? order by audit_events.position limit ?`, [
        organisationId,
        position,
        limit,
      ]);
    return rowsSchema.parse(rows);
  }

  /** Where the chain of an organisation ends now. */
  async lastPosition(em: EntityManager, organisationId: string): Promise<string> {
    const [row] = await em.fork().execute('select coalesce(max(position), 0)::text as last from audit_events where organisation_id = ?', [organisationId]);
    return lastSchema.parse(row).last;
  }

  /** Null above ten thousand: counting must not be what makes a page slow. */
  async #count(em: EntityManager, sql: string, values: readonly unknown[]): Promise<number | null> {
    const [row] = await em.execute(`select count(*) as count from (select 1 from audit_events where ${sql} limit ${COUNTED_MAX + 1}) counted`, [...values]);
    const { count } = countSchema.parse(row);
    return count > COUNTED_MAX ? null : count;
  }
}

/** Throws BAD_USER_INPUT for what no event could stand at. */
export function requirePosition(text: string): string {
  if (!/^\d{1,19}$/.test(text) || BigInt(text) > POSITION_MAX) throw badInput('that is no position of an audit event');
  return text;
}
