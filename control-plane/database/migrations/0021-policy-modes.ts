/** Policies that only observe, rules on trial beside them, and the one policy of the operator's for everybody. */
import { Migration } from '@mikro-orm/migrations';

export class Migration0021PolicyModes extends Migration {
  override up(): void {
    this.addSql(`alter table policies add mode text not null default 'ENFORCE', add trial jsonb, alter organisation_id drop not null`);
    this.addSql(`alter table policies add constraint policies_have_an_owner check ((organisation_id is null) = (scope = 'GLOBAL'))`);
    // Everybody is under the operator's policy, and may know it; nobody's role may change it.
    this.addSql(`create policy of_everybody on policies for select to turnpike_app using (organisation_id is null)`);
  }
}
