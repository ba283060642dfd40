/** What an organisation may know of its usage that could not be stored, and do about it. */
import { audit } from '../audit/audit.ts';
import type { AdminContext } from '../request-context.ts';
import { refuseInput } from '../graphql/input-refused.ts';
import { deadLettersOf, RETRIED_MAX, retryDeadLetters, type DeadLetters, type Retried } from './dead-letters.ts';

export class DeadLettersService {
  list({ em, caller }: AdminContext): Promise<DeadLetters> {
    return deadLettersOf(em, caller.organisationId);
  }

  async retry(context: AdminContext, most: number): Promise<Retried> {
    if (most < 1 || most > RETRIED_MAX) throw refuseInput(['most'], 'INVALID', `most must be between 1 and ${RETRIED_MAX}`);
    const { em, caller } = context;
    const retried = await retryDeadLetters(em, caller.organisationId, most);
    audit(em, context, { action: 'retryDeadLetters', targetId: caller.organisationId, targetLabel: 'usage', before: null, after: retried });
    await em.flush();
    return retried;
  }
}
