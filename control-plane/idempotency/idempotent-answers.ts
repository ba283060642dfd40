/** Answers a request that is sent again as it was answered the first time, for a day, so that what it asks for is done once. */
import { hash } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import { z } from 'zod';
import { sealedSecretSchema, type SecretPlace, type SecretSealer } from '../../shared/sealed-secret.ts';
import type { TokenHasher } from '../../shared/token.ts';
import { answerLost, badInput, keyReused, underWayAlready } from '../graphql/errors.ts';
import type { RequestContext } from '../request-context.ts';
import { IS_LEASED, take, whileRenewed, type Claim } from './claim.ts';

export interface IdempotentRequest {
  /** What the client calls it. */
  readonly key: string;
  /** As it was sent. */
  readonly body: string;
}

/** Of an operation, over HTTP. */
export interface OperationAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

const answerSchema = z.object({ status: z.int(), headers: z.array(z.tuple([z.string(), z.string()])), body: z.string() });
/** What was refused before anything ran has no data, not even null. */
const executedSchema = z.looseObject({}).refine((answer) => 'data' in answer);
const earlierSchema = z
  .tuple([z.object({ body_hash: z.string(), answer: sealedSecretSchema.nullable(), request_id: z.string().nullable(), is_lost: z.boolean() })])
  .or(z.tuple([]));

interface Place {
  readonly em: EntityManager;
  readonly organisationId: string;
  readonly claim: Claim;
}

export class IdempotentAnswers {
  readonly #hasher: TokenHasher;
  readonly #sealer: SecretSealer;
  readonly #log: Logger;

  constructor(parts: { hasher: TokenHasher; sealer: SecretSealer; log: Logger }) {
    this.#hasher = parts.hasher;
    this.#sealer = parts.sealer;
    this.#log = parts.log;
  }

  /**
   * Whatever was executed is answered the same way ever after, failures included; what was refused before, or was not committed when its plane
   * ended, may be asked again. Throws CONFLICT while the first request is under way, IDEMPOTENCY_ANSWER_LOST when it has changed something and
   * its plane ended before the answer was kept, and IDEMPOTENCY_KEY_REUSED for another body.
   */
  async once(context: RequestContext, { key, body }: IdempotentRequest, work: (claimed: RequestContext) => Promise<OperationAnswer>): Promise<OperationAnswer> {
    const { caller, em, requestId } = context;
    if (caller.kind !== 'admin') throw badInput('Idempotency-Key is for administrators: send a token, or sign in');
    const { organisationId, actor } = caller;
    const claim = { id: this.#digest(JSON.stringify([organisationId, actor.kind, actor.id, key])), requestId };
    const place = { em, organisationId, claim };
    const bodyHash = this.#digest(body);
    if (!(await take(em, claim, { organisationId, bodyHash }))) return this.#earlier(place, bodyHash);
    return whileRenewed(em, claim, this.#log, async () => {
      const answer = await work({ ...context, claim });
      await this.#keep(place, answer).catch((error: unknown) => {
        // It was done, and whoever asked must hear of it; asked again, nobody will do it twice.
        this.#log.error({ err: error }, 'an answer could not be kept for a request that is sent again');
      });
      return answer;
    });
  }

  async #earlier(place: Place, bodyHash: string): Promise<OperationAnswer> {
    const [earlier] = earlierSchema.parse(
      await place.em
        .fork()
        .execute(`select body_hash, answer, request_id, is_done and not ${IS_LEASED} as is_lost from idempotent_requests where id = ?`, [place.claim.id]),
    );
    if (earlier !== undefined && earlier.body_hash !== bodyHash) throw keyReused('this Idempotency-Key was sent with another body; take a new one');
    const sealed = earlier?.answer ?? null;
    if (sealed === null && earlier?.is_lost === true) throw answerLost(earlier.request_id);
    if (sealed === null) throw underWayAlready('a request with this Idempotency-Key has no answer yet; ask again');
    const answer = answerSchema.parse(JSON.parse(this.#sealer.open(sealed, secretPlace(place))));
    return { ...answer, headers: [...answer.headers, ['Idempotent-Replayed', 'true']] };
  }

  async #keep(place: Place, answer: OperationAnswer): Promise<void> {
    const em = place.em.fork();
    const { id, requestId } = place.claim;
    if (!executedSchema.safeParse(JSON.parse(answer.body)).success) {
      await em.execute('delete from idempotent_requests where id = ? and request_id = ?', [id, requestId]);
      return;
    }
    const sealed = this.#sealer.seal(JSON.stringify(answer), secretPlace(place));
    await em.execute('update idempotent_requests set answer = ?::jsonb where id = ? and request_id = ?', [JSON.stringify(sealed), id, requestId]);
  }

  /** Keyed, because bodies hold secrets that could be guessed. */
  #digest(text: string): string {
    return this.#hasher.hash(hash('sha256', text, 'base64url'));
  }
}

function secretPlace({ organisationId, claim }: Place): SecretPlace {
  return { organisationId, ownerId: claim.id, field: 'answer' };
}
