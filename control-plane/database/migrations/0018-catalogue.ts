/** The catalogue: entries of an organisation’s own, requests to install, and what servers know of where they come from. */
import { Migration } from '@mikro-orm/migrations';

export class Migration0018Catalogue extends Migration {
  override up(): void {
    // Moments are kept as finely as they can be told, since pages are ordered by them.
    this.addSql(`
      alter table mcp_servers
        add column source text not null default 'MANUAL', add column catalog_entry_id text, add column oauth_required boolean not null default false,
        add column last_used_at timestamptz(3), alter column updated_at type timestamptz(3)`);
    this.addSql(`create index mcp_servers_of_entry on mcp_servers (organisation_id, catalog_entry_id) where catalog_entry_id is not null`);
    // Bytes, not words: entries stand between those of the product, which are ordered without a database.
    this.addSql(`
      create table catalog_entries (
        id text primary key, organisation_id text not null references organisations (id), slug text collate "C" not null, title text not null,
        description text not null, publisher text not null, server_version text not null, categories text[] not null, icon_url text, website_url text,
        registry_name text, auth_types text[] not null, reach jsonb not null, variables jsonb not null, revision integer not null default 1,
        created_at timestamptz not null default now(), updated_at timestamptz not null default now(),
        unique (organisation_id, slug), unique (organisation_id, registry_name)
      )`);
    this.addSql(`select guard_tenant('catalog_entries')`);
    // Neither entry nor server is referred to by a key: what was asked and decided stays when they are gone.
    this.addSql(`
      create table install_requests (
        id text primary key, organisation_id text not null references organisations (id), entry_id text not null, entry_title text not null,
        requested_by_id text not null references users (id), reason text, state text not null default 'PENDING', decided_by_kind text, decided_by_id text,
        decided_at timestamptz, decision_note text, mcp_server_id text, created_at timestamptz not null default now()
      )`);
    this.addSql(`create index install_requests_listed on install_requests (organisation_id, id)`);
    this.addSql(`create unique index install_requests_pending on install_requests (requested_by_id, entry_id) where state = 'PENDING'`);
    this.addSql(`select guard_tenant('install_requests')`);
    for (const table of ['admin_tokens', 'roles']) this.#letInstallAndDelete(table);
  }

  /** Who may make servers may make them of entries too, and who may make and change them may remove them, which nobody could before. */
  #letInstallAndDelete(table: string): void {
    this.addSql(`update ${table} set permissions = permissions || '{CATALOG_INSTALL,CATALOG_MANAGE}' where 'SERVER_CREATE' = any (permissions)`);
    this.addSql(`update ${table} set permissions = permissions || '{SERVER_DELETE}' where permissions @> '{SERVER_CREATE,SERVER_UPDATE}'`);
  }
}
