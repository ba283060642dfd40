/** What the comparisons of counters, records and sums have found, and when each organisation is compared next. */
import { Migration } from '@mikro-orm/migrations';

export class Migration0009Reconciliations extends Migration {
  override up(): void {
    this.addSql(`
      create table reconciliations (
        organisation_id text primary key references organisations (id) on delete cascade, next_at timestamptz not null
      )`);
    this.addSql(`
      create table limit_reconciliations (
        id text primary key, organisation_id text not null references organisations (id) on delete cascade,
        limit_id text not null references limits (id) on delete cascade, starts_at timestamptz not null, ends_at timestamptz not null,
        checked_at timestamptz not null, epoch text not null, used bigint not null, recorded bigint not null, not_counted bigint not null,
        reserved bigint not null, under_way bigint not null, rolled_up jsonb not null
      )`);
    this.addSql(`create index limit_reconciliations_listed on limit_reconciliations (organisation_id, limit_id)`);
    this.addSql(`create index limit_reconciliations_of_limit on limit_reconciliations (limit_id)`);
  }
}
