/** Runs the work of one mutation in one transaction, and for a dry run takes all of it back. */
import type { EntityManager } from '@mikro-orm/postgresql';

/** The work gets an entity manager of its own, behind the same tenant filter. What it throws rolls back. */
export async function inTransaction<Answer>(
  outer: EntityManager,
  { dryRun }: { dryRun: boolean },
  work: (em: EntityManager) => Promise<Answer>,
): Promise<Answer> {
  const em = outer.fork();
  await em.begin();
  try {
    const answer = await work(em);
    if (dryRun) await em.rollback();
    else await em.commit();
    return answer;
  } catch (error) {
    if (em.isInTransaction()) await em.rollback();
    throw error;
  }
}
