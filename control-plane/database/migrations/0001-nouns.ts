/** The nouns of the product: organisations and their teams, tokens, keys, servers, grants, policies and the audit trail. */
import { Migration } from '@mikro-orm/migrations';

export class Migration0001Nouns extends Migration {
  override up(): void {
    this.addSql(`
      create table organisations (
        id text primary key, slug text not null unique, name text not null, denial_style text not null default 'AUTO',
        created_at timestamptz not null default now(), updated_at timestamptz not null default now()
      )`);
    this.addSql(`
      create table teams (
        id text primary key, organisation_id text not null references organisations (id), slug text not null, name text not null,
        created_at timestamptz not null default now(), updated_at timestamptz not null default now(), unique (organisation_id, slug)
      )`);
    this.addSql(`
      create table admin_tokens (
        id text primary key, organisation_id text not null references organisations (id), name text not null, prefix text not null,
        hash text not null unique, permissions text[] not null, expires_at timestamptz, revoked_at timestamptz,
        created_at timestamptz not null default now()
      )`);
    this.addSql(`
      create table data_plane_tokens (
        id text primary key, prefix text not null, hash text not null unique, organisation_ids text[], revoked_at timestamptz,
        created_at timestamptz not null default now()
      )`);
    this.addSql(`
      create table api_keys (
        id text primary key, organisation_id text not null references organisations (id), type text not null, name text not null,
        prefix text not null, hash text not null unique, previous_prefix text, previous_hash text unique, grace_until timestamptz,
        team_id text references teams (id), user_id text, user_domain text, state text not null default 'ACTIVE', denial_style text,
        expires_at timestamptz, revoked_at timestamptz, last_used_at timestamptz, metadata jsonb not null default '{}',
        version integer not null default 1, created_at timestamptz not null default now(), updated_at timestamptz not null default now()
      )`);
    this.addSql(`create index api_keys_listed on api_keys (organisation_id, id)`);
    this.addSql(`
      create table mcp_servers (
        id text primary key, organisation_id text not null references organisations (id), slug text not null, name text not null, description text,
        transport text not null, endpoint_url text, stdio_command text, stdio_args jsonb not null default '[]', stdio_env jsonb not null default '{}',
        auth jsonb not null default '{"type":"NONE"}', secret_fields jsonb not null default '[]', enabled boolean not null default false,
        is_public boolean not null default false, team_id text references teams (id), api_key_id text references api_keys (id),
        allowed_tools jsonb not null default '[]', blocked_tools jsonb not null default '[]', tool_rules_mode text not null default 'ENFORCE',
        semantic_filter jsonb, pricing jsonb not null, priced_at timestamptz, denial_style text not null default 'AUTO', metadata jsonb not null default '{}',
        version integer not null default 1, created_at timestamptz not null default now(), updated_at timestamptz not null default now(),
        unique (organisation_id, slug)
      )`);
    this.addSql(`create index mcp_servers_listed on mcp_servers (organisation_id, id)`);
    this.addSql(`
      create table access_grants (
        id text primary key, organisation_id text not null references organisations (id), api_key_id text not null references api_keys (id),
        mcp_server_id text not null references mcp_servers (id), tools_allowed jsonb, expires_at timestamptz, note text,
        created_at timestamptz not null default now(), unique (api_key_id, mcp_server_id)
      )`);
    this.addSql(`create index access_grants_listed on access_grants (organisation_id, id)`);
    this.addSql(`create index access_grants_of_server on access_grants (mcp_server_id)`);
    this.addSql(`
      create table policies (
        id text primary key, organisation_id text not null references organisations (id), scope text not null, owner_id text not null unique,
        envelope jsonb not null, version integer not null default 1, updated_at timestamptz not null default now()
      )`);
    this.addSql(`
      create table audit_events (
        id text primary key, organisation_id text not null references organisations (id), occurred_at timestamptz not null default now(),
        actor_kind text not null, actor_id text not null, action text not null, target_id text not null, target_label text not null,
        before jsonb, after jsonb, request_id text not null
      )`);
    this.addSql(`create index audit_events_listed on audit_events (organisation_id, occurred_at, id)`);
  }
}
