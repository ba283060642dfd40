/** The MCP side of usage records says whose they are, so that row-level security guards it as it guards the records. */
import { Migration } from '@mikro-orm/migrations';

export class Migration0026McpUsageTenancy extends Migration {
  override up(): void {
    this.addSql(`alter table mcp_usage_records add column organisation_id text`);
    this.addSql(`
      update mcp_usage_records m set organisation_id = u.organisation_id
      from usage_records u where u.request_id = m.request_id and u.organisation_id is not null`);
    this.#readForOlderReplicas();
    this.addSql(`
      do $$ declare guarded regclass; begin
        for guarded in select 'mcp_usage_records'::regclass union all select inhrelid::regclass from pg_inherits where inhparent = 'mcp_usage_records'::regclass
        loop perform guard_tenant(guarded); end loop;
      end $$`);
  }

  /** A replica of the version before stores a record first, and says of its MCP side nothing of whose it is. */
  #readForOlderReplicas(): void {
    this.addSql(`
      create function read_usage_organisation() returns trigger language plpgsql as $$ begin
        new.organisation_id := (select organisation_id from usage_records where request_id = new.request_id);
        return new;
      end $$`);
    this.addSql(`
      create trigger organisation_of_older_replica before insert on mcp_usage_records
      for each row when (new.organisation_id is null) execute function read_usage_organisation()`);
  }
}
