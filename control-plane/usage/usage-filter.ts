/** Turns a filter on usage into SQL: fields are joined by AND, a list by OR. */

export interface UsageFilter {
  readonly range: { readonly gte?: Date | null; readonly lt?: Date | null };
  readonly serverId?: readonly string[] | null;
  readonly serverSlug?: readonly string[] | null;
  readonly tool?: readonly string[] | null;
  readonly apiKeyId?: readonly string[] | null;
  readonly teamId?: readonly string[] | null;
  readonly decision?: readonly string[] | null;
  readonly denialCode?: readonly string[] | null;
  readonly reason?: readonly string[] | null;
  readonly status?: readonly number[] | null;
  readonly rpcMethod?: readonly string[] | null;
  readonly transport?: readonly string[] | null;
  readonly requestId?: readonly string[] | null;
}

export interface SqlCondition {
  readonly sql: string;
  readonly values: readonly unknown[];
}

const LISTS = {
  serverId: 'm.server_id',
  serverSlug: 'm.server_slug',
  tool: 'm.tool',
  apiKeyId: 'u.api_key_id',
  teamId: 'u.team_id',
  decision: 'u.decision',
  denialCode: 'u.code',
  reason: 'u.reason',
  status: 'u.status',
  rpcMethod: 'm.rpc_method',
  transport: 'm.transport',
  requestId: 'u.request_id',
} as const satisfies Partial<Record<keyof UsageFilter, string>>;

/** The organisation comes first and cannot be left out: usage is not behind the ORM's tenant filter. */
export function conditionOf(organisationId: string, filter: UsageFilter): SqlCondition {
  const parts: SqlCondition[] = [{ sql: 'u.organisation_id = ?', values: [organisationId] }];
  if (filter.range.gte != null) parts.push({ sql: 'u.occurred_at >= ?', values: [filter.range.gte] });
  if (filter.range.lt != null) parts.push({ sql: 'u.occurred_at < ?', values: [filter.range.lt] });
  if (filter.serverId != null) parts.push(oneOf(LISTS.serverId, filter.serverId));
  if (filter.serverSlug != null) parts.push(oneOf(LISTS.serverSlug, filter.serverSlug));
  if (filter.tool != null) parts.push(oneOf(LISTS.tool, filter.tool));
  if (filter.apiKeyId != null) parts.push(oneOf(LISTS.apiKeyId, filter.apiKeyId));
  if (filter.teamId != null) parts.push(oneOf(LISTS.teamId, filter.teamId));
  if (filter.decision != null) parts.push(oneOf(LISTS.decision, filter.decision));
  if (filter.denialCode != null)
    parts.push(
      oneOf(
        LISTS.denialCode,
        filter.denialCode.map((code) => code.toLowerCase()),
      ),
    );
  if (filter.reason != null) parts.push(oneOf(LISTS.reason, filter.reason));
  if (filter.status != null) parts.push(oneOf(LISTS.status, filter.status));
  if (filter.rpcMethod != null) parts.push(oneOf(LISTS.rpcMethod, filter.rpcMethod));
  if (filter.transport != null) parts.push(oneOf(LISTS.transport, filter.transport));
  if (filter.requestId != null) parts.push(oneOf(LISTS.requestId, filter.requestId));
  return { sql: parts.map(({ sql }) => sql).join(' and '), values: parts.flatMap(({ values }) => values) };
}

function oneOf(column: string, values: readonly unknown[]): SqlCondition {
  if (values.length === 0) return { sql: 'false', values: [] };
  return { sql: `${column} in (${values.map(() => '?').join(', ')})`, values };
}
