/** Seals over usage records, and what the control plane tells while it happens: health of servers, alerts, exports and the changes of these. */
import { Migration } from '@mikro-orm/migrations';

/** What decides what a caller may do: whoever holds an open socket must hear of it. */
const ACCESS_TABLES = {
  admin_tokens: 'revoked_at, expires_at, permissions',
  data_plane_tokens: 'revoked_at, organisation_ids',
  memberships: 'role_id, state',
  roles: 'permissions',
  sessions: 'expires_at',
} as const;

export class Migration0023Live extends Migration {
  override up(): void {
    this.#seals();
    this.#health();
    this.#alerts();
    this.#exports();
    this.#changes();
    this.#tellOfAccess();
  }

  /** Only ever added to, as audit events are. Whoever owns the table could take that away again: what is then changed is found by the chain. */
  #seals(): void {
    this.addSql(`
      create table usage_seals (
        organisation_id text not null references organisations (id), position bigint not null, kind text not null, hour timestamptz not null,
        after_sequence bigint not null, upto_sequence bigint not null, records bigint not null, lowest_request_id text, highest_request_id text,
        content_hash text not null, previous_hash text, hash text not null, sealed_at timestamptz not null default now(),
        primary key (organisation_id, position), check ((position = 1) = (previous_hash is null))
      )`);
    this.addSql(`select guard_tenant('usage_seals')`);
    for (const role of ['turnpike_app', 'turnpike_system']) this.addSql(`revoke update, delete on usage_seals from ${role}`);
    this.addSql(`
      create function refuse_change_of_usage_seals() returns trigger language plpgsql as
      $$ begin raise exception 'seals of usage are only ever added' using errcode = 'insufficient_privilege'; end $$`);
    this.addSql(`
      create trigger usage_seals_stay before update or delete or truncate on usage_seals
      for each statement execute function refuse_change_of_usage_seals()`);
  }

  #health(): void {
    this.addSql(`
      create table server_health (
        server_id text not null references mcp_servers (id) on delete cascade, source text not null,
        organisation_id text not null references organisations (id), health text not null, detail text, observed_at timestamptz not null,
        probed_at timestamptz, protocol_version text, server_info jsonb, primary key (server_id, source)
      )`);
    this.addSql(`select guard_tenant('server_health')`);
    this.addSql(`create index server_health_by_age on server_health (observed_at) where health <> 'UNKNOWN'`);
    this.addSql(`create index server_health_by_health on server_health (organisation_id, health)`);
  }

  /** What is over stays for a while, and may come again. */
  #alerts(): void {
    this.addSql(`
      create table alerts (
        id text primary key, organisation_id text not null references organisations (id), kind text not null, severity text not null,
        title text not null, target_id text not null, detail jsonb not null, raised_at timestamptz not null default now(), resolved_at timestamptz
      )`);
    this.addSql(`select guard_tenant('alerts')`);
    this.addSql(`create unique index alerts_open on alerts (organisation_id, kind, target_id) where resolved_at is null`);
    this.addSql(`create index alerts_listed on alerts (organisation_id, id)`);
    this.addSql(`create index tools_changed on tools (organisation_id) where is_changed`);
    this.addSql(`create index tools_by_age on tools (organisation_id, first_seen_at)`);
    this.addSql(`create table alert_looks (organisation_id text primary key references organisations (id), next_at timestamptz not null)`);
    this.addSql(`select guard_tenant('alert_looks')`);
  }

  #exports(): void {
    this.addSql(`
      create table exports (
        id text primary key, organisation_id text not null references organisations (id), kind text not null, format text not null,
        filter jsonb not null, state text not null default 'PENDING', error text, rows bigint, upto bigint not null,
        actor_kind text not null, actor_id text not null, claimed_until timestamptz,
        created_at timestamptz not null default now(), expires_at timestamptz not null
      )`);
    this.addSql(`select guard_tenant('exports')`);
    this.addSql(`create index exports_listed on exports (organisation_id, id)`);
    this.addSql(`create index exports_open on exports (expires_at) where state in ('PENDING', 'READY')`);
  }

  /** Which objects changed, in the order of commits within an organisation. */
  #changes(): void {
    this.addSql(`
      create table live_changes (
        organisation_id text not null references organisations (id), sequence bigserial, noun text not null, subject_id text not null,
        at timestamptz not null default now(), primary key (organisation_id, sequence)
      )`);
    this.addSql(`select guard_tenant('live_changes')`);
    this.addSql(`create index live_changes_by_age on live_changes (at)`);
  }

  /** By the database itself, so that no way of taking something away can forget to say so. */
  #tellOfAccess(): void {
    this.addSql(`
      create function tell_of_access() returns trigger language plpgsql as
      $$ begin perform pg_notify('turnpike_access', ''); return null; end $$`);
    for (const [table, columns] of Object.entries(ACCESS_TABLES)) {
      this.addSql(`create trigger ${table}_tell after update of ${columns} or delete on ${table} for each statement execute function tell_of_access()`);
    }
  }
}
