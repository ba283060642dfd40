/** `turnpike secrets rotate`: puts everything under the secret key in use, and says whether the old ones are still needed. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { EntityManager } from '@mikro-orm/postgresql';
import { pino } from 'pino';
import { z } from 'zod';
import { AUDIT_HEADS_FILE, HeadSigner } from '../control-plane/audit/audit-heads.ts';
import { openOrm } from '../control-plane/database/orm.ts';
import { acrossOrganisations } from '../control-plane/database/roles.ts';
import { tokenHashKey } from '../control-plane/secrets/installation.ts';
import { countSealed, rotateSecrets } from '../control-plane/secrets/rotate-secrets.ts';
import { newId } from '../shared/ids.ts';
import { SecretSealer } from '../shared/sealed-secret.ts';
import type { SecretKeys } from '../shared/secret-keys.ts';
import { keysOf } from './command-keys.ts';
import { withDatabase } from './with-database.ts';

type Write = (text: string) => void;

const behindSchema = z.array(z.object({ name: z.string() }));

/** Answers whether the old keys can be taken away. Throws a sentence when something does not open with any of the keys: then nothing is claimed. */
export async function rotateStoredSecrets(environment: Readonly<Record<string, string | undefined>>, write: Write): Promise<boolean> {
  const directory = resolve(environment['TURNPIKE_DATA_DIR'] ?? './.turnpike');
  const keys = await keysOf(environment, directory);
  const heads = await signHeadsAnew(join(directory, AUDIT_HEADS_FILE), keys);
  if (heads > 0) write(`${AUDIT_HEADS_FILE}: ${heads} heads were signed anew\n`);
  return withDatabase(environment['DATABASE_URL'], directory, async (databaseUrl) => {
    const orm = await openOrm(databaseUrl, pino({ level: 'silent' }));
    try {
      return await rotate(acrossOrganisations(orm.em), keys, write);
    } finally {
      await orm.close(true);
    }
  });
}

async function rotate(em: EntityManager, keys: SecretKeys, write: Write): Promise<boolean> {
  // Refused before anything is touched, when the keys are not those of this database.
  await em.fork().transactional((inside) => tokenHashKey(inside, keys));
  await rotateSecrets(em, new SecretSealer(keys.current, keys.old), {
    requestId: newId('request'),
    onBatch: (table, rows) => write(`${table}: ${rows} rows\n`),
  });
  const counts = await countSealed(em);
  for (const [keyId, count] of counts) write(`key ${keyId}${keyId === keys.current.id ? ', in use' : ''}: ${count} values\n`);
  const others = [...counts.keys()].filter((keyId) => keyId !== keys.current.id);
  if (others.length > 0) {
    write('Something was sealed with another key meanwhile: set the new key for every program, then run this again.\n');
    return false;
  }
  const behind = await dataPlanesBehind(em);
  if (behind.length === 0) write('Everything is sealed with the key in use: the old ones can be taken away.\n');
  else
    write(
      `Everything is sealed with the key in use. Before the old ones are taken away, these data planes have to take the configuration: ${behind.join(', ')}\n`,
    );
  return behind.length === 0;
}

/** Those that were heard of lately. A node that was away gets everything anew. */
async function dataPlanesBehind(em: EntityManager): Promise<string[]> {
  const rows = await em
    .fork()
    .execute(`select name from data_planes where last_seen_at > now() - interval '15 seconds' and config_version < (select version from config_version)`);
  return behindSchema.parse(rows).map(({ name }) => name);
}

/** How many there were to sign. Lines that none of the keys has signed are left, for `audit verify` to find. */
async function signHeadsAnew(file: string, keys: SecretKeys): Promise<number> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  });
  const [signer, current] = [new HeadSigner(keys.current, keys.old), new HeadSigner(keys.current)];
  let signed = 0;
  const lines = text.split('\n').map((line) => {
    const head = current.read(line) === undefined ? signer.read(line) : undefined;
    if (head === undefined) return line;
    signed++;
    return JSON.stringify(signer.sign(head));
  });
  if (signed === 0) return 0;
  const unfinished = `${file}.${process.pid}`;
  try {
    // What a control plane has added meanwhile is kept as it is.
    const added = (await readFile(file, 'utf8')).slice(text.length);
    await writeFile(unfinished, lines.join('\n') + added, { mode: 0o600, flush: true });
    await rename(unfinished, file);
  } finally {
    await rm(unfinished, { force: true });
  }
  return signed;
}
