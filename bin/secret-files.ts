/** The secrets of the standalone mode: files in the data directory that only their owner can read. */
import { randomBytes } from 'node:crypto';
import { open, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { SecretKey } from '../shared/secret-key.ts';
import { mintToken } from '../shared/token.ts';

/** What cannot be used any more without the secret key that it was made with. */
const MADE_WITH_KEY = ['admin-token', 'data-plane-token', 'pg'];

/** The operator's key, or the one of the directory, made at the first start. Throws a sentence when it is gone from beside its database, or malformed. */
export async function secretKeyOf(directory: string, given: string | undefined): Promise<string> {
  if (given !== undefined) return given;
  const file = join(directory, 'secret.key');
  const saved = await readSecret(file);
  if (saved === undefined) {
    const others = await readdir(directory);
    if (others.some((name) => MADE_WITH_KEY.includes(name)))
      throw new Error(`${file} is gone, and without it nothing in ${directory} can be opened: restore it, or set TURNPIKE_SECRET_KEY to what it held`);
    return writeSecret(file, randomBytes(32).toString('base64'));
  }
  requireKey(saved, file);
  return saved;
}

function requireKey(saved: string, file: string): SecretKey {
  try {
    return new SecretKey(saved);
  } catch (error) {
    throw new Error(`${file} is damaged: restore it, or set TURNPIKE_SECRET_KEY to what it held`, { cause: error });
  }
}

/** The token with which the data plane of this process asks for its configuration: the same at every start. */
export async function dataPlaneTokenOf(directory: string, given: string | undefined): Promise<string> {
  if (given !== undefined) return given;
  const file = join(directory, 'data-plane-token');
  return (await readSecret(file)) ?? writeSecret(file, mintToken('dataPlaneToken').token);
}

/** Undefined when there is no such file; an empty one is like none. */
export async function readSecret(file: string): Promise<string | undefined> {
  try {
    const text = (await readFile(file, 'utf8')).trim();
    return text === '' ? undefined : text;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Writes it whole, for the owner alone, and durably; answers the text. */
export async function writeSecret(file: string, text: string): Promise<string> {
  const unfinished = `${file}.${process.pid}`;
  const handle = await open(unfinished, 'w', 0o600);
  try {
    await handle.writeFile(`${text}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(unfinished, file);
  return text;
}
