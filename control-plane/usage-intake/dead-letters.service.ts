/** What an organisation may know of its usage that could not be stored, and do about it. */
import { audit } from '../audit/audit.ts';
import { inTransaction } from '../database/in-transaction.ts';
import { closingCountedElsewhere, type CountedWindows } from '../money/counted-in.ts';
import type { AdminContext } from '../request-context.ts';
import { refuseInput } from '../graphql/input-refused.ts';
import { deadLettersOf, RETRIED_MAX, retryDeadLetters, type DeadLetters, type Retried } from './dead-letters.ts';

/** The greeting of no Redis: nobody knows whether windows have counted what was set aside, so they are counted again. */
const NO_GREETING = '';

export class DeadLettersService {
  readonly #counted: CountedWindows | undefined;

  constructor(counted?: CountedWindows) {
    this.#counted = counted;
  }

  list({ em, caller }: AdminContext): Promise<DeadLetters> {
    return deadLettersOf(em, caller.organisationId);
  }

  async retry(context: AdminContext, most: number): Promise<Retried> {
    if (most < 1 || most > RETRIED_MAX) throw refuseInput(['most'], 'INVALID', `most must be between 1 and ${RETRIED_MAX}`);
    const { em, caller } = context;
    const retried = await retryDeadLetters(
      em,
      caller.organisationId,
      most,
      this.#counted === undefined ? undefined : closingCountedElsewhere(this.#counted, NO_GREETING),
    );
    await inTransaction(em, { dryRun: false }, async (writer) => {
      audit(writer, context, { action: 'retryDeadLetters', targetId: caller.organisationId, targetLabel: 'usage', before: null, after: retried });
    });
    return retried;
  }
}
