/** What is to be told of an organisation's servers: those that do not answer or do not let Turnpike in, and tools that are new or not as they were. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { healthSql, type ServerHealth } from '../server-health/server-health.ts';
import type { AlertCondition } from './alert-condition.ts';

/** A tool that nobody has reviewed is news for so long. */
const NEWS = '7 days';
const TOOLS_NAMED_MAX = 20;
const serversSchema = z.array(z.object({ id: z.string(), slug: z.string(), detail: z.string().nullable() }));
const toolsSchema = z.array(z.object({ id: z.string(), slug: z.string(), tools: z.array(z.string()) }));

export async function serverConditions(em: EntityManager, organisationId: string): Promise<AlertCondition[]> {
  const unreachable = await ofHealth(em, organisationId, ['UNREACHABLE']);
  const expired = await ofHealth(em, organisationId, ['NEEDS_AUTH', 'AUTH_EXPIRED']);
  const changed = await toolsWhere(em, organisationId, 'is_changed');
  const added = await toolsWhere(em, organisationId, ADDED);
  return [
    ...unreachable.map(({ id, slug, detail }) => condition('SERVER_UNREACHABLE', id, `the server ${slug} cannot be reached`, { detail })),
    ...expired.map(({ id, slug, detail }) => condition('AUTH_EXPIRED', id, `the server ${slug} does not let Turnpike in`, { detail })),
    ...changed.map(({ id, slug, tools }) => condition('TOOL_CHANGED', id, `tools of ${slug} are not as they were approved`, named(tools))),
    ...added.map(({ id, slug, tools }) => condition('TOOL_ADDED', id, `${slug} has tools that nobody has reviewed`, named(tools))),
  ];
}

const SEVERITIES = { SERVER_UNREACHABLE: 'CRITICAL', AUTH_EXPIRED: 'CRITICAL', TOOL_CHANGED: 'WARNING', TOOL_ADDED: 'INFO' } as const;

function condition(kind: keyof typeof SEVERITIES, targetId: string, title: string, detail: Record<string, unknown>): AlertCondition {
  return { kind, severity: SEVERITIES[kind], targetId, title, detail };
}

/** From what is stored of few servers, so that many that are well cost nothing. */
async function ofHealth(em: EntityManager, organisationId: string, healths: readonly ServerHealth[]) {
  const { sql, values } = healthSql(healths);
  const rows = await em.execute(
    `select id, slug, (select detail from server_health where server_id = mcp_servers.id and health = any (?::text[]) limit 1) as detail from mcp_servers
     where id in (select server_id from server_health where organisation_id = ? and health = any (?::text[])) and ${sql} order by id`,
    [`{${healths.join(',')}}`, organisationId, `{${healths.join(',')}}`, ...values],
  );
  return serversSchema.parse(rows);
}

/** Seen after the server was first looked at. */
const ADDED = `reviewed_at is null and first_seen_at > now() - interval '${NEWS}'
  and exists (select from tools other where other.mcp_server_id = tools.mcp_server_id and other.first_seen_at < tools.first_seen_at)`;

async function toolsWhere(em: EntityManager, organisationId: string, sql: string) {
  const rows = await em.execute(
    `select mcp_servers.id, mcp_servers.slug, json_agg(tools.name order by tools.name) as tools from tools join mcp_servers on mcp_servers.id = mcp_server_id
     where tools.organisation_id = ? and not is_gone and ${sql} group by mcp_servers.id, mcp_servers.slug order by mcp_servers.id`,
    [organisationId],
  );
  return toolsSchema.parse(rows);
}

function named(tools: readonly string[]): Record<string, unknown> {
  return { tools: tools.slice(0, TOOLS_NAMED_MAX), count: tools.length };
}
