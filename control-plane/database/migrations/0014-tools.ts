/** The tools that discovery has seen, and how each server wants them looked after. */
import { Migration } from '@mikro-orm/migrations';

export class Migration0014Tools extends Migration {
  override up(): void {
    this.addSql(`
      alter table mcp_servers
        add column tool_pins jsonb not null default '[]', add column tool_review text not null default 'NONE',
        add column tool_change_mode text not null default 'ENFORCE', add column tool_discovery_minutes integer,
        add column tool_discovery_due_at timestamptz, add column tools_discovered_at timestamptz,
        add column tools_checked_at timestamptz, add column tool_discovery_error text`);
    this.addSql(`create index mcp_servers_due on mcp_servers (tool_discovery_due_at) where tool_discovery_due_at is not null`);
    this.addSql(`
      create table tools (
        id text primary key, organisation_id text not null references organisations (id),
        mcp_server_id text not null references mcp_servers (id) on delete cascade, name text not null,
        definition jsonb not null, fingerprint text not null, approved_definition jsonb not null, approved_fingerprint text not null,
        risk text not null, corrected_risk text, enabled boolean not null default true, reviewed_at timestamptz, is_changed boolean not null default false,
        first_seen_at timestamptz not null, last_seen_at timestamptz not null, changed_at timestamptz, is_gone boolean not null default false,
        unique (mcp_server_id, name)
      )`);
    this.addSql(`create index tools_listed on tools (organisation_id, mcp_server_id, id)`);
    this.addSql(`create index tools_by_name on tools (organisation_id, name)`);
  }
}
