/** What a server may take, where that is not the default. */
import { Migration } from '@mikro-orm/migrations';

export class Migration0005ServerLimits extends Migration {
  override up(): void {
    this.addSql(`alter table mcp_servers add column limits jsonb not null default '{}'`);
  }
}
