/** Answers to requests that may be sent again: under a keyed hash of who sent which key, sealed, and for a day. */
import { Migration } from '@mikro-orm/migrations';

export class Migration0024Idempotency extends Migration {
  override up(): void {
    this.addSql(`
      create table idempotent_requests (
        id text primary key, organisation_id text not null references organisations (id), body_hash text not null, answer jsonb,
        begun_at timestamptz not null default now()
      )`);
    this.addSql(`select guard_tenant('idempotent_requests')`);
    this.addSql(`create index idempotent_requests_by_age on idempotent_requests (begun_at)`);
  }
}
