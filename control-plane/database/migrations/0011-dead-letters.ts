/** Whose usage was set aside, so that they can be told, and when it was last tried again. */
import { Migration } from '@mikro-orm/migrations';

export class Migration0011DeadLetters extends Migration {
  override up(): void {
    this.addSql(`alter table usage_dead_letters add column organisation_id text, add column tried_at timestamptz`);
    // A delivery was named by its stream first, and every organisation has its own.
    this.addSql(`update usage_dead_letters set organisation_id = substring(delivery_id from '^\\{([^}]+)\\}:usage ')`);
    this.addSql(`create index usage_dead_letters_by_organisation on usage_dead_letters (organisation_id, tried_at nulls first, set_aside_at)`);
  }
}
