/** The secrets of the standalone mode: files in the data directory that only their owner can read. */
import { randomBytes } from 'node:crypto';
import { open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SecretKey } from '../shared/secret-key.ts';
import { hasValidChecksum, mintToken, readToken } from '../shared/token.ts';
import { fileFailure } from './file-failure.ts';

/** What cannot be used any more without the secret key that it was made with. */
const MADE_WITH_KEY = ['admin-token', 'data-plane-token', 'pg'];

/** A secret, and where an operator finds it: a path, or the name of a variable. */
export interface LocatedSecret {
  readonly text: string;
  readonly place: string;
}

/** The operator's key, or the one of the directory, made at the first start. Throws a sentence when it is gone from beside its database, or malformed. */
export async function secretKeyOf(directory: string, given: string | undefined): Promise<LocatedSecret> {
  const key = given === undefined ? await keyOfDirectory(directory) : { text: given, place: 'TURNPIKE_SECRET_KEY' };
  requireKey(key);
  return key;
}

async function keyOfDirectory(directory: string): Promise<LocatedSecret> {
  const place = join(directory, 'secret.key');
  const saved = await readSecret(place);
  if (saved !== undefined) return { text: saved, place };
  const others = await readdir(directory);
  if (others.some((name) => MADE_WITH_KEY.includes(name)))
    throw new Error(`${place} is gone, and without it nothing in ${directory} can be opened: restore it, or set TURNPIKE_SECRET_KEY to what it held`);
  return { text: await writeSecret(place, randomBytes(32).toString('base64')), place };
}

function requireKey({ text, place }: LocatedSecret): SecretKey {
  try {
    return new SecretKey(text);
  } catch (error) {
    // What the key itself says is about the variable.
    if (place === 'TURNPIKE_SECRET_KEY') throw error;
    throw new Error(`${place} is damaged: restore it, or set TURNPIKE_SECRET_KEY to what it held`, { cause: error });
  }
}

/** The token with which the data plane of this process asks for its configuration: the same at every start. */
export async function dataPlaneTokenOf(directory: string, given: string | undefined): Promise<string> {
  if (given !== undefined) return given;
  const file = join(directory, 'data-plane-token');
  const saved = await readSecret(file);
  if (saved === undefined) return writeSecret(file, mintToken('dataPlaneToken').token);
  if (readToken(saved).kind !== 'dataPlaneToken' || !hasValidChecksum(saved))
    throw new Error(`${file} is damaged: restore it, or remove it and the next start makes another`);
  return saved;
}

/** Undefined when there is no such file; an empty one is like none. Throws a sentence when it cannot be read. */
export async function readSecret(file: string): Promise<string | undefined> {
  try {
    const text = (await readFile(file, 'utf8')).trim();
    return text === '' ? undefined : text;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw fileFailure(file, 'read', error, 'it must be a file that this account may read');
  }
}

/** Writes it whole, for the owner alone, and durably; answers the text. Throws a sentence, and leaves nothing half written, when it cannot. */
export async function writeSecret(file: string, text: string): Promise<string> {
  const unfinished = `${file}.${process.pid}`;
  try {
    await writeDurably(unfinished, `${text}\n`);
    await rename(unfinished, file);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw fileFailure(file, 'written', error, 'make room for it, or move away what is in its place');
  }
  return text;
}

/** The mode is given to files that are made here only, so one that is left from a process of the same number goes first. */
async function writeDurably(file: string, text: string): Promise<void> {
  await rm(file, { force: true });
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
