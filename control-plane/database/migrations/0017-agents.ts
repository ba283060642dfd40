/** Agents and the clients that traffic has shown, what records say of both, and what else there is to know of keys and grants. */
import { Migration } from '@mikro-orm/migrations';

export class Migration0017Agents extends Migration {
  override up(): void {
    this.addSql(`
      create table agents (
        id text primary key, organisation_id text not null references organisations (id), slug text not null, name text not null, kind text not null,
        mode text not null default 'ENFORCE', clients jsonb not null default '[]', version integer not null default 1,
        created_at timestamptz not null default now(), updated_at timestamptz not null default now(), unique (organisation_id, slug)
      )`);
    this.addSql(`create index agents_listed on agents (organisation_id, id)`);
    // Without a name or a version it is the empty text; without an agent too.
    this.addSql(`
      create table client_sightings (
        organisation_id text not null, client_name text not null, client_version text not null, agent_client_id text not null,
        api_key_ids text[] not null, calls bigint not null, first_seen_at timestamptz not null, last_seen_at timestamptz not null,
        primary key (organisation_id, client_name, client_version, agent_client_id)
      )`);
    this.addSql(`create index client_sightings_of_client on client_sightings (organisation_id, agent_client_id, last_seen_at)`);
    for (const table of ['agents', 'client_sightings']) this.addSql(`select guard_tenant('${table}')`);
    this.addSql(
      `alter table organisations add column unknown_clients text not null default 'ALLOW', add column if not exists version integer not null default 1`,
    );
    for (const table of ['usage_records', 'usage_hours', 'usage_days', 'usage_hour_slices', 'usage_day_slices'])
      this.addSql(`alter table ${table} add column agent_id text, add column agent_client_id text`);
    this.addSql(`alter table api_keys add column agent_id text, add column disabled_at timestamptz, add column created_by text`);
    this.addSql(`create index api_keys_of_agent on api_keys (agent_id) where agent_id is not null`);
    this.addSql(`alter table access_grants add column created_by text`);
    this.#letConfigure('admin_tokens');
    this.#letConfigure('roles');
  }

  /** Who may configure tools may configure agents, which nobody could before. */
  #letConfigure(table: string): void {
    this.addSql(`update ${table} set permissions = permissions || '{AGENT_CONFIGURE}' where 'TOOL_CONFIGURE' = any (permissions)`);
  }
}
