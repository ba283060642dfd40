/** Row-level security: two roles, of which one sees one organisation at a time, on every table that says whose its rows are. */
import { Migration } from '@mikro-orm/migrations';

const ROLES = ['turnpike_app', 'turnpike_system'] as const;

export class Migration0016RowSecurity extends Migration {
  override up(): void {
    for (const role of ROLES) this.#makeRole(role);
    for (const role of ROLES) this.#grant(role);
    for (const role of ROLES) this.addSql(`revoke update, delete on audit_events from ${role}`);
    this.#makeGuard();
    this.addSql(`select guard_tenant('organisations', 'id')`);
    this.addSql(`
      do $$ declare guarded regclass; begin
        for guarded in
          select pg_class.oid from pg_class join pg_attribute on attrelid = pg_class.oid and attname = 'organisation_id' and not attisdropped
          where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')
        loop perform guard_tenant(guarded); end loop;
      end $$`);
    this.#openConfigChanges();
  }

  /** Roles belong to the whole server: another database of it may have made them, or the operator, who is told when that is left to him. */
  #makeRole(role: string): void {
    this.addSql(`
      do $$ begin
        if not exists (select from pg_roles where rolname = '${role}') then
          create role ${role} nologin;
          execute format('grant ${role} to %I', current_user);
        elsif not pg_has_role(current_user, '${role}', 'MEMBER') then
          raise insufficient_privilege;
        end if;
      exception when insufficient_privilege then
        raise exception 'PostgreSQL lets % not work as ${role}: have both roles made and granted as docs/tenancy.md says', current_user;
      end $$`);
  }

  #grant(role: string): void {
    this.addSql(`
      do $$ declare home text := quote_ident(current_schema()); begin
        execute 'grant usage on schema ' || home || ' to ${role}';
        execute 'grant select, insert, update, delete on all tables in schema ' || home || ' to ${role}';
        execute 'grant usage, select on all sequences in schema ' || home || ' to ${role}';
        execute 'alter default privileges in schema ' || home || ' grant select, insert, update, delete on tables to ${role}';
        execute 'alter default privileges in schema ' || home || ' grant usage, select on sequences to ${role}';
      end $$`);
  }

  /** For every table with rows of organisations, partitions included. The setting is read once for a statement, not for each row. */
  #makeGuard(): void {
    this.addSql(`
      create function guard_tenant(guarded regclass, organisation name default 'organisation_id') returns void language plpgsql as $$ begin
        execute format('alter table %s enable row level security, force row level security', guarded);
        execute format('create policy of_organisation on %s to turnpike_app using (%I = (select current_setting(''app.organisation_id'', true)))', guarded, organisation);
        execute format('create policy of_all on %s to turnpike_system using (true)', guarded);
      end $$`);
  }

  /** Removals are for every data plane, and belong to nobody. Old changes are forgotten in passing, whosever they are. */
  #openConfigChanges(): void {
    this.addSql(`create policy of_nobody on config_changes for insert to turnpike_app with check (organisation_id is null)`);
    this.addSql(`
      create function forget_config_changes(kept_from bigint) returns void language sql security definer set search_path from current
      as $$ delete from config_changes where version < kept_from $$`);
    this.addSql(`revoke all on function forget_config_changes from public`);
    for (const role of ROLES) this.addSql(`grant execute on function forget_config_changes to ${role}`);
  }
}
