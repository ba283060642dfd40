/** The secret keys of a command: where the control plane has them. */
import { join } from 'node:path';
import { SecretKeys } from '../shared/secret-keys.ts';
import { readSecret } from './secret-files.ts';

/** Throws a sentence when there are none, or they are malformed. */
export async function keysOf(environment: Readonly<Record<string, string | undefined>>, directory: string): Promise<SecretKeys> {
  const secretKey = environment['TURNPIKE_SECRET_KEY'] ?? (await readSecret(join(directory, 'secret.key')));
  if (secretKey === undefined)
    throw new Error(`TURNPIKE_SECRET_KEY is needed, or the data directory of a standalone Turnpike: ${directory} holds no secret.key`);
  return SecretKeys.parse(secretKey, environment['TURNPIKE_OLD_SECRET_KEYS']);
}
