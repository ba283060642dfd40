/** What Turnpike signs in with at authorisation servers, the tokens that it gets there, and sign-ins that are under way. */
import { Migration } from '@mikro-orm/migrations';

export class Migration0019UpstreamOauth extends Migration {
  override up(): void {
    this.addSql(`
      create table upstream_connections (
        id text primary key, organisation_id text not null references organisations (id),
        mcp_server_id text not null references mcp_servers (id) on delete cascade, user_id text,
        state text not null, generation integer not null default 0, access_token jsonb, refresh_token jsonb, expires_at timestamptz,
        fetched_at timestamptz, refresh_due_at timestamptz, claimed_until timestamptz, claim text, failures integer not null default 0, error text,
        registration jsonb, subject text, scopes jsonb not null default '[]', connected_by text,
        created_at timestamptz not null default now(), updated_at timestamptz not null default now()
      )`);
    this.addSql(`create unique index upstream_connections_of_server on upstream_connections (mcp_server_id, coalesce(user_id, ''))`);
    this.addSql(`create index upstream_connections_due on upstream_connections (refresh_due_at) where refresh_due_at is not null`);
    this.addSql(`
      create table oauth_clients (
        id text primary key, organisation_id text not null references organisations (id), issuer text not null, redirect_uri text not null,
        client_id text not null, client_secret jsonb, method text not null, created_at timestamptz not null default now(),
        unique (organisation_id, issuer, redirect_uri)
      )`);
    this.addSql(`
      create table oauth_flows (
        id text primary key, organisation_id text not null references organisations (id),
        mcp_server_id text not null references mcp_servers (id) on delete cascade, user_id text, auth_digest text not null,
        state_hash text not null unique, actor_kind text not null, actor_id text not null, session_id text, verifier jsonb not null, redirect_uri text not null,
        registration jsonb not null, expires_at timestamptz not null
      )`);
    for (const table of ['upstream_connections', 'oauth_clients', 'oauth_flows']) this.addSql(`select guard_tenant('${table}')`);
    this.addSql(`create table installation_secrets (name text primary key, sealed jsonb not null)`);
    this.addSql(`revoke all on installation_secrets from turnpike_app`);
  }
}
