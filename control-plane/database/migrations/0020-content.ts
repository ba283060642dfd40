/** Rules of content: detectors in filters, a filter for a whole organisation, web-search policies, and on records what was found. */
import { Migration } from '@mikro-orm/migrations';

export class Migration0020Content extends Migration {
  override up(): void {
    this.addSql(`
      update mcp_servers set semantic_filter = semantic_filter || '{"detectors": []}'
      where jsonb_typeof(semantic_filter) = 'object' and semantic_filter -> 'detectors' is null`);
    this.addSql(`alter table mcp_servers add column web_search_policy jsonb, add column search_tools jsonb not null default '[]'`);
    this.addSql(`alter table organisations add column semantic_filter jsonb, add column if not exists version integer not null default 1`);
    this.addSql(`alter table usage_records add column dlp_findings jsonb not null default '[]'`);
  }
}
