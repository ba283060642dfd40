/** In which Redis the windows of each organisation were last counted. */
import { Migration } from '@mikro-orm/migrations';

export class Migration0008WindowCountings extends Migration {
  override up(): void {
    this.addSql(`create table window_countings (organisation_id text primary key, greeting text not null)`);
  }
}
