/** Turns a filter of audit events into SQL. */
import { containing, joined, oneOf, uptoOf, within, type SqlCondition, type TimeRange } from '../database/sql-condition.ts';

/** Fields are joined by AND, a list by OR. */
export interface AuditFilter {
  readonly range?: TimeRange | null;
  readonly actorId?: readonly string[] | null;
  readonly action?: readonly string[] | null;
  readonly targetId?: readonly string[] | null;
  readonly requestId?: readonly string[] | null;
  /** Found in the action, in the target's name or in its id, whatever the case. */
  readonly search?: string | null;
  /** No event behind this position. */
  readonly upto?: string | null;
}

/** The organisation comes first and cannot be left out: what is read by SQL is not behind the ORM's tenant filter. */
export function auditConditionOf(organisationId: string, { range, actorId, action, targetId, requestId, search, upto }: AuditFilter): SqlCondition {
  const lists = Object.entries({ actor_id: actorId, action, target_id: targetId, request_id: requestId }).flatMap(([column, values]) =>
    values == null ? [] : [oneOf(column, values)],
  );
  return joined([
    within('organisation_id', 'occurred_at', organisationId, range ?? {}),
    ...lists,
    ...(search == null ? [] : [holding(search)]),
    ...uptoOf('position', upto),
  ]);
}

function holding(search: string): SqlCondition {
  const pattern = containing(search);
  return { sql: '(action ilike ? or target_label ilike ? or target_id ilike ?)', values: [pattern, pattern, pattern] };
}
