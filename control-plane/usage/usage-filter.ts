/** Turns a filter on usage into SQL: fields are joined by AND, a list by OR. */
import { joined, oneOf, within, type SqlCondition, type TimeRange } from '../database/sql-condition.ts';

export interface UsageFilter {
  readonly range: TimeRange;
  readonly serverId?: readonly string[] | null;
  readonly serverSlug?: readonly string[] | null;
  readonly tool?: readonly string[] | null;
  readonly apiKeyId?: readonly string[] | null;
  readonly teamId?: readonly string[] | null;
  readonly userId?: readonly string[] | null;
  readonly userDomain?: readonly string[] | null;
  readonly clientName?: readonly string[] | null;
  readonly decision?: readonly string[] | null;
  readonly denialCode?: readonly string[] | null;
  readonly reason?: readonly string[] | null;
  readonly dlpOutcome?: readonly string[] | null;
  readonly status?: readonly number[] | null;
  readonly rpcMethod?: readonly string[] | null;
  readonly transport?: readonly string[] | null;
  readonly requestId?: readonly string[] | null;
  readonly traceId?: readonly string[] | null;
}

/** Fields that sums can be filtered by too. */
const SUMMED = {
  serverId: 'm.server_id',
  serverSlug: 'm.server_slug',
  tool: 'm.tool',
  apiKeyId: 'u.api_key_id',
  teamId: 'u.team_id',
  userId: 'u.user_id',
  userDomain: 'u.user_domain',
  clientName: 'u.client_name',
  decision: 'u.decision',
  denialCode: 'u.code',
  dlpOutcome: 'u.dlp_outcome',
  transport: 'm.transport',
} as const satisfies Partial<Record<keyof UsageFilter, string>>;
const RECORDED = {
  reason: 'u.reason',
  status: 'u.status',
  rpcMethod: 'm.rpc_method',
  requestId: 'u.request_id',
  traceId: 'u.trace_id',
} as const satisfies Partial<Record<keyof UsageFilter, string>>;

/** On records. The organisation comes first and cannot be left out: usage is not behind the ORM's tenant filter. */
export function conditionOf(organisationId: string, filter: UsageFilter): SqlCondition {
  return joined([within('u.organisation_id', 'u.occurred_at', organisationId, filter.range), ...listsOf(SUMMED, filter), ...listsOf(RECORDED, filter)]);
}

/** On sums, whose columns have the same names; only where `needsRecords` says no. */
export function sumConditionOf(organisationId: string, filter: UsageFilter): SqlCondition {
  const lists = listsOf(SUMMED, filter).map(({ sql, values }) => ({ sql: sql.replace(/^[um]\./, ''), values }));
  return joined([within('organisation_id', 'at', organisationId, filter.range), ...lists]);
}

/** Whether the filter asks for what sums do not know. */
export function needsRecords(filter: UsageFilter): boolean {
  return listsOf(RECORDED, filter).length > 0;
}

function listsOf(columns: Partial<Record<keyof UsageFilter, string>>, filter: UsageFilter): SqlCondition[] {
  const lists: Readonly<Record<string, unknown>> = { ...filter, denialCode: filter.denialCode?.map((code) => code.toLowerCase()) };
  return Object.entries(columns).flatMap(([field, column]) => {
    const values = lists[field];
    return Array.isArray(values) ? [oneOf(column, values)] : [];
  });
}
