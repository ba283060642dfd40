/** Reads recorded calls as a simulation needs them: the newest ones first, page by page, no further than it may. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { joined, within, type SqlCondition } from '../database/sql-condition.ts';
import { RECORDS } from '../usage/usage-dimensions.ts';

const rowSchema = z.object({
  id: z.string(),
  request_id: z.string(),
  occurred_at: z.coerce.date(),
  position: z.string(),
  latency_micros: z.coerce.number(),
  api_key_id: z.string().nullable(),
  api_key_prefix: z.string().nullable(),
  team_id: z.string().nullable(),
  user_id: z.string().nullable(),
  client_name: z.string().nullable(),
  client_ip: z.string().nullable(),
  server_id: z.string().nullable(),
  server_slug: z.string().nullable(),
  http_method: z.string(),
  rpc_method: z.string().nullable(),
  tool: z.string().nullable(),
  decision: z.enum(['ALLOWED', 'DENIED', 'ERRORED']),
  code: z.string().nullable(),
  reason: z.string().nullable(),
  rule: z.object({ kind: z.string(), id: z.string().optional(), path: z.string() }).nullable(),
  step: z.number().nullable(),
  input_bytes: z.coerce.number(),
  output_bytes: z.coerce.number(),
  cost_nanos_usd: z.string(),
  is_tool_error: z.boolean(),
  pricing: z.object({ callFemtosUsd: z.string(), inputByteFemtosUsd: z.string(), outputByteFemtosUsd: z.string() }).nullable(),
});
export type RecordedCall = z.infer<typeof rowSchema>;
const rowsSchema = z.array(rowSchema);

const COLUMNS = `u.id, u.request_id, u.occurred_at, u.occurred_at::text as position, u.latency_micros::text as latency_micros, u.api_key_id, u.api_key_prefix, u.team_id,
  u.user_id, u.client_name, u.client_ip, m.server_id, m.server_slug, m.http_method, m.rpc_method, m.tool, u.decision, u.code, u.reason, u.rule, u.step,
  u.input_bytes::text as input_bytes, u.output_bytes::text as output_bytes, u.cost_nanos_usd::text as cost_nanos_usd, m.is_tool_error, m.pricing`;
const PAGE = 2000;

export interface ReadBounds {
  readonly organisationId: string;
  readonly gte: Date;
  readonly lt: Date;
  /** Whose calls are looked at. */
  readonly scope: SqlCondition;
  readonly callsMax: number;
  /** Asked before each page. */
  readonly isLate: () => boolean;
}

export interface ReadCalls {
  /** In the order in which they came. */
  readonly calls: readonly RecordedCall[];
  /** There are more, further back. */
  readonly isCut: boolean;
}

export async function readCalls(em: EntityManager, { organisationId, gte, lt, scope, callsMax, isLate }: ReadBounds): Promise<ReadCalls> {
  const calls: RecordedCall[] = [];
  const condition = joined([within('u.organisation_id', 'u.occurred_at', organisationId, { gte, lt }), scope]);
  for (;;) {
    const last = calls.at(-1);
    const behind = last === undefined ? '' : ' and (u.occurred_at, u.id) < (?::timestamptz, ?)';
    const wanted = Math.min(PAGE, callsMax - calls.length);
    const page = rowsSchema.parse(
      await em.execute(`select ${COLUMNS} from ${RECORDS} where ${condition.sql}${behind} order by u.occurred_at desc, u.id desc limit ?`, [
        ...condition.values,
        ...(last === undefined ? [] : [last.position, last.id]),
        wanted,
      ]),
    );
    calls.push(...page);
    if (page.length < wanted) return { calls: calls.toReversed(), isCut: false };
    if (calls.length >= callsMax || isLate()) return { calls: calls.toReversed(), isCut: true };
  }
}
