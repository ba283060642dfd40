/** People: their accounts, memberships, roles, invitations and sessions, and who made an administrator's token. */
import { Migration } from '@mikro-orm/migrations';

/** A role that the product brings has no row; one of the organisation's own cannot go while somebody has it. */
const CUSTOM_ROLE = `custom_role_id text generated always as (case when starts_with(role_id, 'rol_') then role_id end) stored references roles (id)`;

export class Migration0013People extends Migration {
  override up(): void {
    this.addSql(`
      create table users (
        id text primary key, organisation_id text not null references organisations (id), email text not null, name text not null,
        password_hash text, provider_subject text, created_at timestamptz not null default now(), updated_at timestamptz not null default now(),
        unique (organisation_id, email), unique (organisation_id, provider_subject)
      )`);
    this.addSql(`create index users_by_email on users (email)`);
    this.addSql(`create index users_by_provider_subject on users (provider_subject)`);
    this.addSql(`
      create table roles (
        id text primary key, organisation_id text not null references organisations (id), name text not null, permissions text[] not null,
        version integer not null default 1, created_at timestamptz not null default now(), updated_at timestamptz not null default now(),
        unique (organisation_id, name)
      )`);
    this.addSql(`
      create table memberships (
        id text primary key, organisation_id text not null references organisations (id), user_id text not null unique references users (id),
        team_id text references teams (id), role_id text not null, state text not null default 'ACTIVE', version integer not null default 1,
        created_at timestamptz not null default now(), updated_at timestamptz not null default now(), ${CUSTOM_ROLE}
      )`);
    this.addSql(`create index memberships_listed on memberships (organisation_id, id)`);
    this.addSql(`create index memberships_of_role on memberships (custom_role_id)`);
    // The first administrator is invited without an address: whoever has the token may give any. There is one such token at most.
    this.addSql(`
      create table invitations (
        id text primary key, organisation_id text not null references organisations (id), email text, team_id text references teams (id),
        role_id text not null, hash text not null unique, expires_at timestamptz not null, created_at timestamptz not null default now(),
        unique nulls not distinct (organisation_id, email), ${CUSTOM_ROLE}
      )`);
    this.addSql(`create index invitations_of_role on invitations (custom_role_id)`);
    this.addSql(`
      create table sessions (
        id text primary key, organisation_id text not null references organisations (id), user_id text not null references users (id),
        hash text not null unique, client text, address text not null, created_at timestamptz not null default now(),
        last_seen_at timestamptz not null default now(), expires_at timestamptz not null
      )`);
    this.addSql(`create index sessions_of_user on sessions (user_id, id)`);
    this.addSql(`create table sign_in_attempts (subject text primary key, attempts integer not null, since timestamptz not null)`);
    this.addSql(`alter table admin_tokens add created_by_kind text, add created_by_id text`);
  }
}
