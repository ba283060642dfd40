/** Turns a filter on usage into SQL: fields are joined by AND, a list by OR. */
import { joined, oneOf, uptoOf, within, type SqlCondition, type TimeRange } from '../database/sql-condition.ts';
import { AGENT_SQL, DIMENSIONS, type Dimension } from './usage-dimensions.ts';

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
  /** Agents, and what clients of none call themselves. */
  readonly agentId?: readonly string[] | null;
  readonly agentClientId?: readonly string[] | null;
  readonly decision?: readonly string[] | null;
  readonly denialCode?: readonly string[] | null;
  readonly reason?: readonly string[] | null;
  /** Of what rules that only observe would have done: any of it, by reason, or by the rule's noun. */
  readonly isObserved?: boolean | null;
  readonly observedReason?: readonly string[] | null;
  readonly observedRuleId?: readonly string[] | null;
  readonly dlpOutcome?: readonly string[] | null;
  readonly status?: readonly number[] | null;
  readonly rpcMethod?: readonly string[] | null;
  readonly transport?: readonly string[] | null;
  readonly requestId?: readonly string[] | null;
  readonly traceId?: readonly string[] | null;
  /** No record that was stored behind this sequence. */
  readonly upto?: string | null;
}

/** Fields that sums can be filtered by too. */
const SUMMED = {
  serverId: 'server_id',
  serverSlug: 'server_slug',
  tool: 'tool',
  apiKeyId: 'api_key_id',
  teamId: 'team_id',
  userId: 'user_id',
  userDomain: 'user_domain',
  clientName: 'client_name',
  agentId: 'agent_id',
  agentClientId: 'agent_client_id',
  decision: 'decision',
  denialCode: 'code',
  dlpOutcome: 'dlp_outcome',
  transport: 'transport',
} as const satisfies Partial<Record<keyof UsageFilter, Dimension>>;
const RECORDED = {
  reason: 'u.reason',
  status: 'u.status',
  rpcMethod: 'm.rpc_method',
  requestId: 'u.request_id',
  traceId: 'u.trace_id',
} as const satisfies Partial<Record<keyof UsageFilter, string>>;

const OF_RECORDS = {
  ...Object.fromEntries(Object.entries(SUMMED).map(([field, column]) => [field, `${DIMENSIONS[column].table}.${column}`])),
  agentId: AGENT_SQL,
  ...RECORDED,
};

/** On records. The organisation comes first and cannot be left out: usage is not behind the ORM's tenant filter. */
export function conditionOf(organisationId: string, filter: UsageFilter, further: readonly SqlCondition[] = []): SqlCondition {
  return joined([
    within('u.organisation_id', 'u.occurred_at', organisationId, filter.range),
    ...listsOf(OF_RECORDS, filter),
    ...observedOf(filter),
    ...uptoOf('u.sequence', filter.upto),
    ...further,
  ]);
}

/** On sums, whose columns have the same names; only where `needsRecords` says no. */
export function sumConditionOf(organisationId: string, filter: UsageFilter): SqlCondition {
  return joined([within('organisation_id', 'at', organisationId, filter.range), ...listsOf({ ...SUMMED, agentId: AGENT_SQL }, filter)]);
}

/** What the filter asks of sums. */
export function filteredDimensions(filter: UsageFilter): Dimension[] {
  const lists: Readonly<Record<string, unknown>> = { ...filter };
  return Object.entries(SUMMED).flatMap(([field, dimension]) => (Array.isArray(lists[field]) ? [dimension] : []));
}

/** Whether the filter asks for what sums do not know. */
export function needsRecords(filter: UsageFilter): boolean {
  return listsOf(RECORDED, filter).length > 0 || observedOf(filter).length > 0;
}

/** Whether the filter asks for what only the sidecars of records know, besides what sums know. */
export function needsSidecars(filter: UsageFilter): boolean {
  return filter.rpcMethod != null;
}

function listsOf(columns: Partial<Record<keyof UsageFilter, string>>, filter: UsageFilter): SqlCondition[] {
  const lists: Readonly<Record<string, unknown>> = { ...filter, denialCode: filter.denialCode?.map((code) => code.toLowerCase()) };
  return Object.entries(columns).flatMap(([field, column]) => {
    const values = lists[field];
    return Array.isArray(values) ? [oneOf(column, values)] : [];
  });
}

/** An observation is text of the form `code/reason kind:id:path` (`shared/observation.ts`). */
function observedOf({ isObserved, observedReason, observedRuleId }: UsageFilter): SqlCondition[] {
  const found = [
    ...(observedReason == null ? [] : [oneOf(`split_part(split_part(observation, ' ', 1), '/', 2)`, observedReason)]),
    ...(observedRuleId == null ? [] : [oneOf(`split_part(split_part(observation, ' ', 2), ':', 2)`, observedRuleId)]),
  ];
  const any = isObserved == null ? [] : [{ sql: `(u.observed <> '[]') = ${isObserved}`, values: [] }];
  if (found.length === 0) return any;
  const { sql, values } = joined(found);
  return [...any, { sql: `exists (select from jsonb_array_elements_text(u.observed) as seen (observation) where ${sql})`, values }];
}
