/** A request that may be sent again is claimed by the one that works on it, whose changes say in their own transactions that they were made. */
import { strict as assert } from 'node:assert';
import type { EventSubscriber, TransactionEventArgs } from '@mikro-orm/core';
import { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import { underWayAlready } from '../graphql/errors.ts';

const KEPT = '24 hours';
const RENEWAL_MILLIS = 5000;
/** A claim that nobody has renewed for so long is of a plane that is gone. One that merely stalls loses it too, and then cannot commit. */
const LEASE = '15 seconds';
export const IS_LEASED = `renewed_at > now() - interval '${LEASE}'`;

export interface Claim {
  /** Of the row. */
  readonly id: string;
  /** Of the request that works on it. */
  readonly requestId: string;
}

const claims = new WeakMap<object, Claim>();

/**
 * Whether nobody has sent this key within a day, or whoever did is gone and has changed nothing. Of several at once, one is told so. A change that
 * is just being committed is waited for.
 */
export async function take(
  em: EntityManager,
  { id, requestId }: Claim,
  { organisationId, bodyHash }: { organisationId: string; bodyHash: string },
): Promise<boolean> {
  const taken: unknown[] = await em.fork().execute(
    `insert into idempotent_requests as earlier (id, organisation_id, body_hash, request_id, is_done) values (?, ?, ?, ?, false)
     on conflict (id) do update
       set body_hash = excluded.body_hash, request_id = excluded.request_id, is_done = false, answer = null, begun_at = now(), renewed_at = now()
       where earlier.begun_at < now() - interval '${KEPT}'
         or (earlier.body_hash = excluded.body_hash and earlier.answer is null and not earlier.is_done and not earlier.${IS_LEASED})
     returning id`,
    [id, organisationId, bodyHash, requestId],
  );
  return taken.length > 0;
}

/** While the work lasts, others are told that somebody is at it. */
export async function whileRenewed<Result>(em: EntityManager, { id, requestId }: Claim, log: Logger, work: () => Promise<Result>): Promise<Result> {
  const renewal = setInterval(() => {
    em.fork()
      .execute('update idempotent_requests set renewed_at = now() where id = ? and request_id = ?', [id, requestId])
      .catch((error: unknown) => log.warn({ err: error, requestId }, 'the claim of a request that may be sent again could not be renewed'));
  }, RENEWAL_MILLIS);
  try {
    return await work();
  } finally {
    clearInterval(renewal);
  }
}

/** The entity manager must be in the transaction of the change. */
export function noteClaimedChange(em: EntityManager, claim: Claim): void {
  claims.set(em, claim);
}

/** Says of a claim that something was changed for it, in the transaction that changes it; one that has lost its claim is not committed. */
export class ClaimMarker implements EventSubscriber {
  async beforeTransactionCommit({ em }: TransactionEventArgs): Promise<void> {
    const claim = claims.get(em);
    if (claim === undefined) return;
    assert(em instanceof EntityManager);
    claims.delete(em);
    const marked: unknown[] = await em.execute('update idempotent_requests set is_done = true where id = ? and request_id = ? returning id', [
      claim.id,
      claim.requestId,
    ]);
    if (marked.length === 0) throw underWayAlready('another request with this Idempotency-Key is at it, since this one was not heard of for too long');
  }
}

/** `em` sees every organisation. */
export async function forgetAnswers(em: EntityManager): Promise<void> {
  await em.fork().execute(`delete from idempotent_requests where begun_at < now() - interval '${KEPT}'`);
}
