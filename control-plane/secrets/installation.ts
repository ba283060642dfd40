/** What belongs to the installation as a whole: made at its first start, sealed with its secret key, and the same for ever after. */
import type { EntityManager } from '@mikro-orm/postgresql';
import { z } from 'zod';
import type { ConfigUpsert } from '../../shared/config-document.ts';
import { INSTALLATION_ID, TOKEN_HASH_KEY_PLACE } from '../../shared/installation.ts';
import { sealedSecretSchema, SecretSealer, type SealedSecret } from '../../shared/sealed-secret.ts';
import type { SecretKeys } from '../../shared/secret-keys.ts';
import { appendConfigChanges } from '../config-feed/change-log.ts';

const TOKEN_HASH_KEY = 'token-hash-key';
const rowsSchema = z.array(z.object({ sealed: sealedSecretSchema })).max(1);
const countSchema = z.tuple([z.object({ count: z.coerce.number() })]);

/** Nothing that is stored can be checked or opened with the secret key that was given. */
export class ForeignSecretKey extends Error {
  constructor(options?: ErrorOptions) {
    super('TURNPIKE_SECRET_KEY is not the one that this database was made with, and nothing in it can be opened with another: set it to what it was', options);
  }
}

/**
 * What tokens are hashed with. An installation from before it was stored has hashed with what follows from its secret key, so that is what is stored
 * then. In the transaction of `em`, under a lock.
 */
export async function tokenHashKey(em: EntityManager, keys: SecretKeys): Promise<Buffer> {
  const sealer = new SecretSealer(keys.current, keys.old);
  const stored = await storedKey(em);
  if (stored !== undefined) return Buffer.from(opened(sealer, stored), 'base64');
  const [{ count }] = countSchema.parse(await em.execute('select count(*) as count from organisations'));
  if (count > 0 && keys.old.length > 0)
    throw new Error(
      'this database must be started once with the one secret key that it was made with, before that is replaced: take TURNPIKE_OLD_SECRET_KEYS away, and set TURNPIKE_SECRET_KEY to it',
    );
  const key = keys.current.derive('token-hash');
  const sealed = sealer.seal(key.toString('base64'), TOKEN_HASH_KEY_PLACE);
  await em.execute('insert into installation_secrets (name, sealed) values (?, ?::jsonb)', [TOKEN_HASH_KEY, JSON.stringify(sealed)]);
  await appendConfigChanges(em, [upsertOf(sealed)]);
  return key;
}

/** None for a database that was never started. */
export async function upsertOfInstallation(em: EntityManager): Promise<ConfigUpsert[]> {
  const sealed = await storedKey(em);
  return sealed === undefined ? [] : [upsertOf(sealed)];
}

async function storedKey(em: EntityManager): Promise<SealedSecret | undefined> {
  const rows = await em.execute('select sealed from installation_secrets where name = ?', [TOKEN_HASH_KEY]);
  return rowsSchema.parse(rows)[0]?.sealed;
}

function opened(sealer: SecretSealer, sealed: SealedSecret): string {
  try {
    return sealer.open(sealed, TOKEN_HASH_KEY_PLACE);
  } catch (cause) {
    throw new ForeignSecretKey({ cause });
  }
}

function upsertOf(tokenHashKeySealed: SealedSecret): ConfigUpsert {
  return { op: 'upsert', kind: 'installation', value: { id: INSTALLATION_ID, organisationId: null, tokenHashKey: tokenHashKeySealed } };
}
