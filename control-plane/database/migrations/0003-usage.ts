/** Usage: the generic record of every request, its MCP sidecar, and what could not be stored. */
import { Migration } from '@mikro-orm/migrations';

export class Migration0003Usage extends Migration {
  override up(): void {
    this.addSql(`
      create table usage_records (
        id text primary key, request_id text not null unique, sequence bigserial not null unique, occurred_at timestamptz not null,
        data_plane text not null, organisation_id text, team_id text, user_id text, user_domain text, api_key_id text, api_key_prefix text,
        status integer not null, decision text not null, code text, reason text, message text, rule jsonb, observed jsonb not null,
        retry_after_seconds integer, latency_micros bigint not null, upstream_latency_micros bigint, input_bytes bigint not null, output_bytes bigint not null,
        cost_nanos_usd numeric(30) not null, client_name text, client_version text, client_ip text, trace_id text, dlp_outcome text not null,
        recorded_at timestamptz not null default now()
      )`);
    this.addSql(`create index usage_records_by_time on usage_records (organisation_id, occurred_at desc, id desc)`);
    this.addSql(`create index usage_records_by_sequence on usage_records (organisation_id, sequence)`);
    this.addSql(`
      create table mcp_usage_records (
        request_id text primary key references usage_records (request_id) on delete cascade, server_id text, server_slug text, transport text,
        http_method text not null, rpc_method text, tool text, is_tool_error boolean not null, session_id text, protocol_version text, pricing jsonb
      )`);
    this.addSql(`create index mcp_usage_records_by_server on mcp_usage_records (server_id)`);
    this.addSql(`
      create table usage_dead_letters (
        delivery_id text primary key, event text not null, reason text not null, set_aside_at timestamptz not null default now()
      )`);
  }
}
