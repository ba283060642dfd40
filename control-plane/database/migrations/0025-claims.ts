/** Who works on a request that may be sent again, whether that one still lives, and whether anything was changed for it. */
import { Migration } from '@mikro-orm/migrations';

export class Migration0025Claims extends Migration {
  override up(): void {
    // A replica of the version before does not tell what it has changed, so what it claims counts as changed.
    this.addSql(`
      alter table idempotent_requests
        add column request_id text, add column is_done boolean not null default true, add column renewed_at timestamptz not null default now()`);
    this.addSql(`create index audit_events_by_request on audit_events (organisation_id, request_id)`);
  }
}
