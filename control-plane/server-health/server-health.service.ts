/** Keeps how servers are, whoever notices, and tells when that changes. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import type { DataPlaneCaller } from '../access/caller.ts';
import { DataPlaneEntity } from '../data-planes/data-plane.entity.ts';
import { inTransaction } from '../database/in-transaction.ts';
import { rateLimited } from '../graphql/errors.ts';
import { notFound, parseInput } from '../graphql/input-refused.ts';
import { holdsStorableText } from '../graphql/storable-text.ts';
import { noteLiveChangesOfEach } from '../live/live-changes.ts';
import { rowsFrom, type RowOf } from '../usage-intake/stored-rows.ts';
import type { HealthSource } from './server-health.entity.ts';
import { OBSERVED_HEALTHS, SILENT_AFTER_MILLIS, type ObservedHealth } from './server-health.ts';

const REPORTS_MAX = 200;
/** A node tells every five seconds at most what it noticed. */
const REPORTS_PER_MINUTE = 30;
const MINUTE_MILLIS = 60_000;
/** A look that a node asks for comes no sooner than this after the one before. */
const LOOK_PAUSE = '30 seconds';
const DETAIL_LENGTH_MAX = 500;
const SERVER_INFO_LENGTH_MAX = 8192;

export interface SeenHealth {
  readonly serverId: string;
  readonly health: ObservedHealth;
  readonly detail: string | null;
  /** Of a look by the control plane. */
  readonly look?: { readonly protocolVersion: string | null; readonly serverInfo: Readonly<Record<string, unknown>> | null };
}

const reportSchema = z.object({
  serverId: z.string().max(64),
  health: z.enum(OBSERVED_HEALTHS).nullable(),
  detail: z.string().max(DETAIL_LENGTH_MAX).nullable(),
  toolsChanged: z.boolean(),
});
export type ServerReport = z.infer<typeof reportSchema>;
const reportsSchema = z.object({ dataPlaneId: z.string(), reports: z.array(reportSchema).max(REPORTS_MAX) });

const COLUMNS = ['server_id text', 'health text', 'detail text', 'probed_at timestamptz', 'protocol_version text', 'server_info jsonb'] as const;
const changedSchema = z.array(z.object({ subjectId: z.string(), organisationId: z.string() }));

export class ServerHealthService {
  /** By node, when it last reported: within a minute. */
  readonly #reported = new Map<string, number[]>();

  /** `em` sees the organisations whose servers may be told of; what is told of any other is not heard. */
  async record(em: EntityManager, seen: readonly SeenHealth[]): Promise<void> {
    if (seen.length > 0) await inTransaction(em, { dryRun: false }, (writer) => recordHealth(writer, seen, 'OBSERVED'));
  }

  /** What a node noticed of servers that it serves. Answers how many of them there are. */
  async report(everything: EntityManager, caller: DataPlaneCaller, given: { dataPlaneId: string; reports: readonly ServerReport[] }): Promise<number> {
    const { dataPlaneId, reports } = parseInput(reportsSchema, given);
    const node = await everything.findOne(DataPlaneEntity, { id: dataPlaneId, tokenId: caller.tokenId });
    if (node === null) throw notFound('dataPlaneId', 'data plane');
    this.#requirePace(dataPlaneId);
    const served = await servedOf(everything, caller, reports);
    const seen = served.flatMap(({ serverId, health, detail }) =>
      health === null ? [] : [{ serverId, health, detail: detail === null ? null : `${node.name}: ${detail}` }],
    );
    await this.record(everything, seen);
    const changed = served.filter(({ toolsChanged }) => toolsChanged).map(({ serverId }) => serverId);
    if (changed.length > 0) await everything.fork().execute(LOOK_SOON, [JSON.stringify(changed)]);
    return served.length;
  }

  /** What was noticed too long ago is not known any more. */
  async forget(everything: EntityManager): Promise<void> {
    await everything.fork().transactional(async (writer) => {
      await noteLiveChangesOfEach(writer, 'SERVER', changedSchema.parse(await writer.execute(FORGET)));
    });
  }

  #requirePace(dataPlaneId: string): void {
    const now = Date.now();
    const lately = (this.#reported.get(dataPlaneId) ?? []).filter((at) => at > now - MINUTE_MILLIS);
    if (lately.length >= REPORTS_PER_MINUTE) throw rateLimited('this node has reported often enough for a minute', MINUTE_MILLIS / 1000);
    this.#reported.set(dataPlaneId, [...lately, now]);
  }
}

/** In the transaction of `writer`: of each source the newest word is kept. */
export async function recordHealth(writer: EntityManager, seen: readonly SeenHealth[], source: HealthSource): Promise<void> {
  const changed = changedSchema.parse(await writer.execute(RECORD, [JSON.stringify(seen.map(toRow)), source, source]));
  await noteLiveChangesOfEach(writer, 'SERVER', changed);
}

async function servedOf(em: EntityManager, { organisationIds }: DataPlaneCaller, reports: readonly ServerReport[]): Promise<ServerReport[]> {
  const rows = await em.execute(
    `select id from mcp_servers where id in (select value from json_array_elements_text(?::json)) and (?::boolean or organisation_id = any (?::text[]))`,
    [JSON.stringify(reports.map(({ serverId }) => serverId)), organisationIds === null, `{${(organisationIds ?? []).join(',')}}`],
  );
  const ids = new Set(
    z
      .array(z.object({ id: z.string() }))
      .parse(rows)
      .map(({ id }) => id),
  );
  return [...new Map(reports.map((report) => [report.serverId, report])).values()].filter(({ serverId }) => ids.has(serverId));
}

function toRow({ serverId, health, detail, look }: SeenHealth): RowOf<typeof COLUMNS> {
  return {
    server_id: serverId,
    health,
    detail: detail?.toWellFormed().replaceAll('\0', '\uFFFD').slice(0, DETAIL_LENGTH_MAX) ?? null,
    probed_at: look === undefined ? null : new Date(),
    protocol_version: look?.protocolVersion ?? null,
    server_info: look?.serverInfo == null || !isKeepable(look.serverInfo) ? null : look.serverInfo,
  };
}

/** Whatever a server says of itself: nothing too large, and nothing that PostgreSQL does not store. */
function isKeepable(serverInfo: Readonly<Record<string, unknown>>): boolean {
  return JSON.stringify(serverInfo).length <= SERVER_INFO_LENGTH_MAX && holdsStorableText(serverInfo);
}

/** Answers those of which something else is told than before. In the order of their ids, so that nobody waits crosswise. */
const RECORD = `
  with given as (select * from ${rowsFrom(COLUMNS)}),
  known as (
    select server_id, server_health.health, server_health.detail from server_health join given using (server_id) where source = ? order by server_id for update
  ),
  stored as (
    insert into server_health (server_id, source, organisation_id, health, detail, observed_at, probed_at, protocol_version, server_info)
    select server_id, ?, organisation_id, health, detail, clock_timestamp(), probed_at, protocol_version, server_info
    from given join mcp_servers on mcp_servers.id = server_id order by server_id
    on conflict (server_id, source) do update set health = excluded.health, detail = excluded.detail, observed_at = excluded.observed_at,
      probed_at = coalesce(excluded.probed_at, server_health.probed_at),
      protocol_version = coalesce(excluded.protocol_version, server_health.protocol_version),
      server_info = coalesce(excluded.server_info, server_health.server_info)
    returning server_id, organisation_id, health, detail
  )
  select stored.server_id as "subjectId", stored.organisation_id as "organisationId" from stored left join known using (server_id)
  where known.health is distinct from stored.health or known.detail is distinct from stored.detail`;

const FORGET = `
  update server_health set health = 'UNKNOWN', detail = null
  where health <> 'UNKNOWN' and source = 'OBSERVED' and observed_at < now() - interval '${SILENT_AFTER_MILLIS} milliseconds'
  returning server_id as "subjectId", organisation_id as "organisationId"`;

const LOOK_SOON = `
  update mcp_servers set tool_discovery_due_at = least(tool_discovery_due_at, greatest(now(), tools_checked_at + interval '${LOOK_PAUSE}'))
  where id in (select value from json_array_elements_text(?::json)) and enabled`;
