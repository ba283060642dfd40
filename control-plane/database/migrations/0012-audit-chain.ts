/** The chain of audit events, into which those that are there are put as they stand, and which is only ever added to. */
import { Migration } from '@mikro-orm/migrations';
import { z } from 'zod';
import { chainHash } from '../../audit/audit-chain.ts';

const BATCH = 1000;
/** As this version of the table has them, whatever comes later. */
const HASHED = `
  organisation_id as "organisationId", position::text as position, id,
  to_char(occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "occurredAt", actor_kind as "actorKind", actor_id as "actorId", action,
  target_id as "targetId", target_label as "targetLabel", before, after, request_id as "requestId"`;
const eventsSchema = z.array(
  z.object({
    organisationId: z.string(),
    position: z.string(),
    id: z.string(),
    occurredAt: z.string(),
    actorKind: z.string(),
    actorId: z.string(),
    action: z.string(),
    targetId: z.string(),
    targetLabel: z.string(),
    before: z.unknown(),
    after: z.unknown(),
    requestId: z.string(),
  }),
);

interface Link {
  readonly id: string;
  readonly previous: string | null;
  readonly hash: string;
}

export class Migration0012AuditChain extends Migration {
  override async up(): Promise<void> {
    await this.execute('alter table audit_events add column position bigint, add column previous_hash text, add column hash text');
    await this.execute(`
      update audit_events set position = chain.position
      from (select id, row_number() over (partition by organisation_id order by occurred_at, id) as position from audit_events) as chain
      where audit_events.id = chain.id`);
    await this.execute('alter table audit_events alter column position set not null, add unique (organisation_id, position)');
    for (const { id } of await this.execute('select id from organisations order by id')) await this.#chain(String(id));
    this.addSql(`alter table audit_events alter column hash set not null, add check ((position = 1) = (previous_hash is null))`);
    this.#refuseChanges();
    this.addSql(`
      update admin_tokens set permissions = array_append(permissions, 'AUDIT_READ')
      where permissions @> array['SERVER_CREATE', 'SERVER_UPDATE', 'TOOL_CONFIGURE', 'GRANT_MANAGE', 'KEY_MANAGE', 'POLICY_MANAGE', 'BUDGET_MANAGE', 'MEMBER_MANAGE', 'USAGE_READ']`);
  }

  async #chain(organisationId: string): Promise<void> {
    let previous: string | null = null;
    for (let last = 0, isMore = true; isMore; last += BATCH) {
      const rows = await this.execute(
        `select ${HASHED} from audit_events where organisation_id = ? and position > ? order by audit_events.position limit ${BATCH}`,
        [organisationId, last],
      );
      const links: Link[] = [];
      for (const event of eventsSchema.parse(rows)) {
        const hash: string = chainHash(previous, event);
        links.push({ id: event.id, previous, hash });
        previous = hash;
      }
      await this.execute(
        `update audit_events set previous_hash = link.previous, hash = link.hash
         from jsonb_to_recordset(?::jsonb) as link (id text, previous text, hash text) where audit_events.id = link.id`,
        [JSON.stringify(links)],
      );
      isMore = rows.length === BATCH;
    }
  }

  /** Whoever owns the table could take this away again: what is then changed is found by the chain. */
  #refuseChanges(): void {
    this.addSql(`
      create function refuse_change_of_audit_events() returns trigger language plpgsql as
      $$ begin raise exception 'audit events are only ever added' using errcode = 'insufficient_privilege'; end $$`);
    this.addSql(`
      create trigger audit_events_stay before update or delete or truncate on audit_events
      for each statement execute function refuse_change_of_audit_events()`);
  }
}
