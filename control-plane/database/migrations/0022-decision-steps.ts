/** At which step of the access flow a request ended; nothing for those that went through, and for what was recorded before. */
import { Migration } from '@mikro-orm/migrations';

export class Migration0022DecisionSteps extends Migration {
  override up(): void {
    this.addSql(`alter table usage_records add column step smallint`);
  }
}
