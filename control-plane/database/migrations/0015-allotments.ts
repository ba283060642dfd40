/** For how many calls of a limit data planes may take room at once; nothing for those that there are. */
import { Migration } from '@mikro-orm/migrations';

export class Migration0015Allotments extends Migration {
  override up(): void {
    this.addSql(`alter table limits add column allotment_calls integer check (allotment_calls between 2 and 1000)`);
  }
}
