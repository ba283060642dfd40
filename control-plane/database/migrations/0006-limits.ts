/** Budgets and quotas, and the permission to manage them for whoever could do everything there was. */
import { Migration } from '@mikro-orm/migrations';

export class Migration0006Limits extends Migration {
  override up(): void {
    // An owner or a server cannot be taken away while a limit stands on it: data planes would be left with one of nobody's.
    this.addSql(`
      create table limits (
        id text primary key, organisation_id text not null references organisations (id), name text not null,
        owner_type text not null, owner_id text not null, mcp_server_id text references mcp_servers (id), tool text,
        metric text not null, amount bigint not null, period text not null, timezone text not null, start_at timestamptz not null,
        end_at timestamptz, counted_since timestamptz not null, rollover boolean not null, active boolean not null default true,
        mode text not null, warn_at_percent jsonb not null default '[]', version integer not null default 1,
        created_at timestamptz not null default now(), updated_at timestamptz not null default now(),
        owning_organisation_id text generated always as (case when owner_type = 'ORGANISATION' then owner_id end) stored references organisations (id),
        owning_team_id text generated always as (case when owner_type = 'TEAM' then owner_id end) stored references teams (id),
        owning_api_key_id text generated always as (case when owner_type = 'API_KEY' then owner_id end) stored references api_keys (id),
        owning_mcp_server_id text generated always as (case when owner_type = 'MCP_SERVER' then owner_id end) stored references mcp_servers (id)
      )`);
    this.addSql(`create index limits_listed on limits (organisation_id, id)`);
    this.addSql(`create index limits_of_owner on limits (owner_id)`);
    this.addSql(`create index limits_of_server on limits (mcp_server_id)`);
    this.addSql(`
      update admin_tokens set permissions = array_append(permissions, 'BUDGET_MANAGE')
      where permissions @> array['SERVER_CREATE', 'SERVER_UPDATE', 'TOOL_CONFIGURE', 'GRANT_MANAGE', 'KEY_MANAGE', 'POLICY_MANAGE', 'MEMBER_MANAGE', 'USAGE_READ']`);
  }
}
