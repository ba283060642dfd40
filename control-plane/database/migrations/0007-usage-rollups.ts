/** Usage in partitions by the time in the request id, and its sums per hour and per day. */
import { Migration } from '@mikro-orm/migrations';

/** In microseconds: 256, 384, 512, 768 and so on up to 67 seconds. */
const LATENCY_BOUNDS = Array.from({ length: 37 }, (_, index) => 2 ** (8 + Math.floor(index / 2)) * (index % 2 === 0 ? 1 : 1.5));
/** One bucket more than there are bounds between them. */
const LATENCIES = Array.from({ length: LATENCY_BOUNDS.length + 1 }, (_, bucket) => `l${bucket}`);
const DIMENSIONS = 'team_id, user_id, user_domain, api_key_id, client_name, server_id, server_slug, transport, tool, decision, code, dlp_outcome';

export class Migration0007UsageRollups extends Migration {
  override up(): void {
    this.#partition();
    for (const table of ['usage_hours', 'usage_days']) this.#rollUps(table);
  }

  /**
   * Ids sort by their time, so the request id itself is what partitions are cut by, and stays unique across all of them. What is there
   * already goes into the partition by default, from where the control plane moves it into months.
   */
  #partition(): void {
    this.addSql(`alter table mcp_usage_records drop constraint mcp_usage_records_request_id_fkey`);
    for (const table of ['usage_records', 'mcp_usage_records']) {
      // Bytes, not words: a partition's bounds must mean the same in every database.
      this.addSql(`alter table ${table} alter column request_id type text collate "C"`);
      this.addSql(`alter table ${table} rename to ${table}_before`);
      this.addSql(`create table ${table} (like ${table}_before including defaults) partition by range (request_id)`);
      this.addSql(`create table ${table}_default partition of ${table} default`);
      this.addSql(`insert into ${table} select * from ${table}_before`);
      if (table === 'usage_records') this.addSql(`alter sequence usage_records_sequence_seq owned by usage_records.sequence`);
      this.addSql(`drop table ${table}_before`);
      this.addSql(`alter table ${table} add primary key (request_id)`);
    }
    this.addSql(`create index usage_records_by_time on usage_records (organisation_id, occurred_at desc, id desc)`);
    this.addSql(`create index usage_records_by_sequence on usage_records (organisation_id, sequence)`);
    this.addSql(`create index mcp_usage_records_by_server on mcp_usage_records (server_id)`);
  }

  /** Rows are changed in place while their time lasts: room on each page keeps the index out of it. What is read most stands in front, where it is found soonest. */
  #rollUps(table: string): void {
    this.addSql(`
      create table ${table} (
        at timestamptz not null, calls bigint not null, input_bytes bigint not null, output_bytes bigint not null, dimensions uuid not null,
        cost_nanos_usd numeric not null, organisation_id text not null, decision text not null, server_id text, tool text, client_name text, api_key_id text,
        team_id text, user_id text, user_domain text, server_slug text, transport text, code text, dlp_outcome text not null,
        ${LATENCIES.map((latency) => `${latency} bigint`).join(', ')}, primary key (organisation_id, at, dimensions)
      ) with (fillfactor = 80)`);
    const unit = table === 'usage_hours' ? 'hour' : 'day';
    this.addSql(`
      insert into ${table} (organisation_id, at, dimensions, ${DIMENSIONS}, calls, input_bytes, output_bytes, cost_nanos_usd, ${LATENCIES.join(', ')})
      select organisation_id, date_trunc('${unit}', occurred_at, 'UTC') as hour, gen_random_uuid(), ${DIMENSIONS}, count(*), sum(input_bytes), sum(output_bytes),
        sum(cost_nanos_usd), ${LATENCIES.map((_, bucket) => `nullif(count(*) filter (where bucket = ${bucket}), 0)`).join(', ')}
      from usage_records join mcp_usage_records using (request_id),
        lateral (select width_bucket(latency_micros, '{${LATENCY_BOUNDS.join()}}'::bigint[]) as bucket) as latency
      where organisation_id is not null group by organisation_id, hour, ${DIMENSIONS}`);
  }
}
