/** Answers a request that is sent again as it was answered the first time, for a day, so that what it asks for is done once. */
import { hash } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import { z } from 'zod';
import { sealedSecretSchema, type SecretPlace, type SecretSealer } from '../../shared/sealed-secret.ts';
import type { TokenHasher } from '../../shared/token.ts';
import { badInput, keyReused, underWayAlready } from '../graphql/errors.ts';
import type { RequestContext } from '../request-context.ts';

const KEPT = '24 hours';

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
const earlierSchema = z.tuple([z.object({ body_hash: z.string(), answer: sealedSecretSchema.nullable() })]).or(z.tuple([]));

/** The request's row, and whose it is. */
interface Place {
  readonly em: EntityManager;
  readonly id: string;
  readonly organisationId: string;
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
   * Whatever was executed is answered the same way ever after, failures included; what was refused before may be asked again. Throws CONFLICT
   * while the first request has no answer, which is for a day when the plane ended in the middle of it, and IDEMPOTENCY_KEY_REUSED for another body.
   */
  async once({ caller, em }: RequestContext, { key, body }: IdempotentRequest, work: () => Promise<OperationAnswer>): Promise<OperationAnswer> {
    if (caller.kind !== 'admin') throw badInput('Idempotency-Key is for administrators: send a token, or sign in');
    const { organisationId, actor } = caller;
    const place = { em, organisationId, id: this.#digest(JSON.stringify([organisationId, actor.kind, actor.id, key])) };
    const bodyHash = this.#digest(body);
    if (!(await claim(place, bodyHash))) return this.#earlier(place, bodyHash);
    const answer = await work();
    await this.#keep(place, answer).catch((error: unknown) => {
      // It was done, and whoever asked must hear of it; asked again, nobody will do it twice.
      this.#log.error({ err: error }, 'an answer could not be kept for a request that is sent again');
    });
    return answer;
  }

  async #earlier(place: Place, bodyHash: string): Promise<OperationAnswer> {
    const { em, id } = place;
    const [earlier] = earlierSchema.parse(await em.fork().execute('select body_hash, answer from idempotent_requests where id = ?', [id]));
    if (earlier !== undefined && earlier.body_hash !== bodyHash) throw keyReused('this Idempotency-Key was sent with another body; take a new one');
    const sealed = earlier?.answer ?? null;
    if (sealed === null)
      throw underWayAlready('a request with this Idempotency-Key has no answer yet; ask again, and when it never gets one, see what was done');
    const answer = answerSchema.parse(JSON.parse(this.#sealer.open(sealed, secretPlace(place))));
    return { ...answer, headers: [...answer.headers, ['Idempotent-Replayed', 'true']] };
  }

  async #keep(place: Place, answer: OperationAnswer): Promise<void> {
    const em = place.em.fork();
    if (!executedSchema.safeParse(JSON.parse(answer.body)).success) {
      await em.execute('delete from idempotent_requests where id = ?', [place.id]);
      return;
    }
    const sealed = this.#sealer.seal(JSON.stringify(answer), secretPlace(place));
    await em.execute('update idempotent_requests set answer = ?::jsonb where id = ?', [JSON.stringify(sealed), place.id]);
  }

  /** Keyed, because bodies hold secrets that could be guessed. */
  #digest(text: string): string {
    return this.#hasher.hash(hash('sha256', text, 'base64url'));
  }
}

/** `em` sees every organisation. */
export async function forgetAnswers(em: EntityManager): Promise<void> {
  await em.fork().execute(`delete from idempotent_requests where begun_at < now() - interval '${KEPT}'`);
}

/** Whether nobody has sent this key within a day. Of several at once, one is told so. */
async function claim({ em, id, organisationId }: Place, bodyHash: string): Promise<boolean> {
  const claimed: unknown[] = await em.fork().execute(
    `insert into idempotent_requests (id, organisation_id, body_hash) values (?, ?, ?)
     on conflict (id) do update set body_hash = excluded.body_hash, answer = null, begun_at = now()
       where idempotent_requests.begun_at < now() - interval '${KEPT}'
     returning id`,
    [id, organisationId, bodyHash],
  );
  return claimed.length > 0;
}

function secretPlace({ organisationId, id }: Place): SecretPlace {
  return { organisationId, ownerId: id, field: 'answer' };
}
