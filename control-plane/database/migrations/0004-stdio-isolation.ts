/** Whether callers of a STDIO server share its process, as they all did before there was a choice. */
import { Migration } from '@mikro-orm/migrations';

export class Migration0004StdioIsolation extends Migration {
  override up(): void {
    this.addSql(`alter table mcp_servers add column stdio_isolation text not null default 'SHARED'`);
  }
}
