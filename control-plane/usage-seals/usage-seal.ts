/** A seal: what is kept of an hour's usage records so that none of them can change unseen, as a link in the chain of its organisation. */
import { hash } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { canonicalJson } from '../audit/audit-chain.ts';
import { RECORDS } from '../usage/usage-dimensions.ts';

/** Below every sequence that PostgreSQL could hold: where the first seal begins. */
export const BEFORE_ALL_SEQUENCES = String(-(2n ** 63n));

/** RECORDS seals those of one hour; DROPPED says that the month which begins at `hour` was given up, as the time for which records are kept demands. */
export const SEAL_KINDS = ['RECORDS', 'DROPPED'] as const;

/** As it is hashed. Numbers that may grow large are text. */
export const sealContentSchema = z.object({
  organisationId: z.string(),
  /** From 1 on in each organisation, without gaps. */
  position: z.string(),
  kind: z.enum(SEAL_KINDS),
  /** RFC 3339, of when the requests were made. */
  hour: z.string(),
  /** Sealed are the records of this hour that were stored behind the one sequence and up to the other. */
  afterSequence: z.string(),
  uptoSequence: z.string(),
  records: z.string(),
  lowestRequestId: z.string().nullable(),
  highestRequestId: z.string().nullable(),
  contentHash: z.string(),
});
export type SealContent = z.infer<typeof sealContentSchema>;

export const usageSealSchema = sealContentSchema.extend({ previousHash: z.string().nullable(), hash: z.string() });
export type UsageSeal = z.infer<typeof usageSealSchema>;

export const SEAL_COLUMNS = `
  organisation_id as "organisationId", position::text as position, kind, to_char(hour at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as hour,
  after_sequence::text as "afterSequence", upto_sequence::text as "uptoSequence", records::text as records, lowest_request_id as "lowestRequestId",
  highest_request_id as "highestRequestId", content_hash as "contentHash", previous_hash as "previousHash", hash`;

/** SHA-256 in hex over the hash of the seal before, which the first one has not, and the canonical JSON of the seal. */
export function sealHash(previousHash: string | null, seal: SealContent): string {
  return hash('sha256', `${previousHash ?? ''}${canonicalJson(sealContentSchema.parse(seal))}`, 'hex');
}

/** What of a record is sealed: whatever decided about the call, its money and who made it. Fields may be added at the end by a new kind of seal only. */
const SEALED = `jsonb_build_array(
  u.sequence, u.id, u.request_id, to_char(u.occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), u.data_plane, u.organisation_id, u.team_id, u.user_id,
  u.api_key_id, u.status, u.decision, u.code, u.reason, u.message, u.rule, u.observed, u.latency_micros, u.input_bytes, u.output_bytes, u.cost_nanos_usd,
  u.client_name, u.client_version, u.client_ip, u.trace_id, u.dlp_outcome, m.server_id, m.server_slug, m.transport, m.http_method, m.rpc_method, m.tool,
  m.is_tool_error, m.session_id, m.protocol_version, m.pricing, u.agent_id, u.agent_client_id, u.step,
  u.dlp_findings)`;

const hoursSchema = z.array(
  z.object({ hour: z.string(), records: z.string(), lowestRequestId: z.string(), highestRequestId: z.string(), contentHash: z.string() }),
);
export type SealedHour = z.infer<typeof hoursSchema>[number];

/** What is to be sealed of the records between two sequences, one row for each hour of which there are any; one statement, and no record leaves the database. */
export async function readHours(em: EntityManager, organisationId: string, { after, upto }: { after: string; upto: string }): Promise<SealedHour[]> {
  const rows = await em.execute(
    `select to_char(date_trunc('hour', u.occurred_at at time zone 'UTC'), 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as hour, count(*)::text as records,
       min(u.request_id) as "lowestRequestId", max(u.request_id) as "highestRequestId",
       encode(sha256(string_agg(sha256(convert_to(${SEALED}::text, 'UTF8')), ''::bytea order by u.sequence, u.request_id)), 'hex') as "contentHash"
     from ${RECORDS} where u.organisation_id = ? and u.sequence > ? and u.sequence <= ? group by 1 order by 1`,
    [organisationId, after, upto],
  );
  return hoursSchema.parse(rows);
}
