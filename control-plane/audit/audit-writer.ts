/** Writes what was noted in a transaction into the chain of its organisation, right before the transaction commits. */
import { strict as assert } from 'node:assert';
import type { EventSubscriber, TransactionEventArgs } from '@mikro-orm/core';
import { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import { chainHash, type ChainedEvent } from './audit-chain.ts';
import { AuditEventEntity } from './audit-event.entity.ts';

export const AUDIT_CHANNEL = 'turnpike_audit';
/** Any number, the same in every replica; the organisation is the other half of the lock's name. */
const AUDIT_LOCK = 7_261_004;

export type NotedEvent = Omit<ChainedEvent, 'position' | 'occurredAt'>;

const noted = new WeakMap<object, NotedEvent[]>();
const headSchema = z.object({ position: z.coerce.bigint(), hash: z.string() });

/** Throws outside of a transaction: the event would be lost. */
export function noteAuditEvent(em: EntityManager, event: NotedEvent): void {
  if (!em.isInTransaction()) throw new Error('a change is audited in its own transaction');
  const events = noted.get(em);
  if (events === undefined) noted.set(em, [event]);
  else events.push(event);
}

/**
 * The chain's lock is the last one that a transaction takes, whatever the order in which it made its changes: so nobody who holds it
 * waits for anybody, and it is held for as long as a commit takes.
 */
export class AuditWriter implements EventSubscriber {
  async beforeTransactionCommit({ em }: TransactionEventArgs): Promise<void> {
    const events = noted.get(em);
    if (events === undefined) return;
    assert(em instanceof EntityManager);
    noted.delete(em);
    for (const [organisationId, ofOne] of Map.groupBy(events, (event) => event.organisationId)) await appendToChain(em, organisationId, ofOne);
    await em.execute(`select pg_notify('${AUDIT_CHANNEL}', '')`);
  }
}

async function appendToChain(em: EntityManager, organisationId: string, events: readonly NotedEvent[]): Promise<void> {
  await em.execute('select pg_advisory_xact_lock(?::integer, hashtext(?))', [AUDIT_LOCK, organisationId]);
  const [head] = await em.execute(
    'select position::text as position, hash from audit_events where organisation_id = ? order by audit_events.position desc limit 1',
    [organisationId],
  );
  let { position, hash }: { position: bigint; hash: string | null } = head === undefined ? { position: 0n, hash: null } : headSchema.parse(head);
  const now = new Date();
  const rows = events.map((event) => {
    position += 1n;
    const previousHash = hash;
    hash = chainHash(previousHash, { ...event, position: String(position), occurredAt: microsecondsOf(now) });
    return { ...event, position: String(position), occurredAt: now, previousHash, hash };
  });
  await em.insertMany(AuditEventEntity, rows);
}

/** The form in which PostgreSQL is asked for it again. */
function microsecondsOf(moment: Date): string {
  return moment.toISOString().replace('Z', '000Z');
}
