/** Sums of usage by few dimensions, beside those by all of them, and indexes for what is rare among sums and records. */
import { Migration } from '@mikro-orm/migrations';

const LATENCIES = Array.from({ length: 38 }, (_, bucket) => `l${bucket}`);
const AMOUNTS = ['calls', 'input_bytes', 'output_bytes', 'cost_nanos_usd', ...LATENCIES];
/** Each with what it is told apart by, and with the slice that it can be summed from; the others are summed from everything. */
const SLICES = [
  { name: 'outcome', dimensions: 'decision, code, dlp_outcome, transport' },
  { name: 'key', dimensions: 'decision, team_id, user_id, user_domain, api_key_id' },
  { name: 'client_server', dimensions: 'decision, client_name, server_id, server_slug' },
  { name: 'server_tool', dimensions: 'decision, server_id, server_slug, tool' },
  { name: 'client', dimensions: 'decision, client_name', from: 'client_server' },
  { name: 'team', dimensions: 'decision, team_id', from: 'key' },
  { name: 'tool', dimensions: 'decision, tool', from: 'server_tool' },
  { name: 'server', dimensions: 'decision, server_id, server_slug', from: 'server_tool' },
];

export class Migration0010UsageSlices extends Migration {
  override up(): void {
    this.#slice('usage_hours', 'usage_hour_slices');
    this.#slice('usage_days', 'usage_day_slices');
    for (const table of ['usage_hours', 'usage_days'])
      for (const column of ['server_id', 'api_key_id']) this.addSql(`create index ${table}_by_${column} on ${table} (organisation_id, ${column}, at)`);
    this.#findRare();
  }

  /** What is frequent is soon found in the order of time. Most of these hold the value alone, so that equal ones share an entry; keys are many, and looked at most. */
  #findRare(): void {
    this.addSql(`create index usage_records_by_key on usage_records (api_key_id, occurred_at desc, id desc)`);
    for (const column of ['user_id', 'code', 'trace_id'])
      this.addSql(`create index usage_records_by_${column} on usage_records (${column}) where ${column} is not null`);
    this.addSql(`create index mcp_usage_records_by_tool on mcp_usage_records (tool)`);
  }

  #slice(whole: string, slices: string): void {
    this.addSql(`
      create table ${slices} (
        at timestamptz not null, calls bigint not null, input_bytes bigint not null, output_bytes bigint not null, dimensions uuid not null,
        cost_nanos_usd numeric not null, organisation_id text not null, slice text not null, decision text not null, server_id text, tool text, client_name text,
        api_key_id text, team_id text, user_id text, user_domain text, server_slug text, transport text, code text, dlp_outcome text,
        ${LATENCIES.map((latency) => `${latency} bigint`).join(', ')}, primary key (organisation_id, slice, at, dimensions)
      ) with (fillfactor = 80)`);
    for (const { name, dimensions, from } of SLICES)
      this.addSql(`
        insert into ${slices} (organisation_id, slice, at, dimensions, ${dimensions}, ${AMOUNTS.join(', ')})
        select organisation_id, '${name}', at, gen_random_uuid(), ${dimensions}, ${AMOUNTS.map((amount) => `sum(${amount})`).join(', ')}
        from ${from === undefined ? whole : `${slices} where slice = '${from}'`} group by organisation_id, at, ${dimensions}`);
  }
}
