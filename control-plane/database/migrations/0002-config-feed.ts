/** The configuration feed: one version for every change, the changes themselves, and the data planes that follow them. */
import { Migration } from '@mikro-orm/migrations';

export class Migration0002ConfigFeed extends Migration {
  override up(): void {
    // One row: whoever changes the configuration locks it, so versions are handed out in the order of commits.
    this.addSql(`create table config_version (only_row boolean primary key default true check (only_row), version bigint not null)`);
    this.addSql(`insert into config_version (version) values (1)`);
    this.addSql(`
      create table config_changes (
        version bigint not null, position integer not null, organisation_id text, change jsonb not null,
        created_at timestamptz not null default now(), primary key (version, position)
      )`);
    this.addSql(`
      create table data_planes (
        id text primary key, token_id text not null references data_plane_tokens (id), name text not null, region text, version text not null,
        config_version bigint not null default 0, refused_version bigint, refused_reason text, ready boolean not null default false,
        in_flight integer not null default 0, endpoints jsonb not null default '[]', started_at timestamptz not null default now(),
        last_seen_at timestamptz not null default now(), unique (token_id, name)
      )`);
  }
}
