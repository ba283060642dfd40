/** `turnpike audit verify`: finds the database and the secret key where the control plane does, and says of each chain, of audit events and of usage, whether it holds. */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pino } from 'pino';
import { AUDIT_HEADS_FILE, HeadSigner, type AuditHead } from '../control-plane/audit/audit-heads.ts';
import { verifyAudit, type ChainReport } from '../control-plane/audit/verify-audit.ts';
import { verifyUsageSeals, type SealsReport } from '../control-plane/usage-seals/verify-usage-seals.ts';
import { openOrm } from '../control-plane/database/orm.ts';
import { keysOf } from './command-keys.ts';
import { fileFailure } from './file-failure.ts';
import { withDatabase } from './with-database.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Answers whether everything holds. Throws a sentence when it cannot be found out. */
export async function verifyAuditTrail(
  environment: Environment,
  { headFiles, write }: { headFiles: readonly string[]; write: (text: string) => void },
): Promise<boolean> {
  const directory = resolve(environment['TURNPIKE_DATA_DIR'] ?? './.turnpike');
  const keys = await keysOf(environment, directory);
  const signer = new HeadSigner(keys.current, keys.old);
  const ownFile = join(directory, AUDIT_HEADS_FILE);
  // Read before the chains are: they go on growing.
  const files = [await readHeads(ownFile, signer, { mayBeMissing: true }), ...(await Promise.all(headFiles.map((file) => readHeads(file, signer))))];
  const heads = files.flatMap((file) => file.heads);
  const reports = await withDatabase(environment['DATABASE_URL'], directory, (databaseUrl) => verifyAt(databaseUrl, heads));
  const faults = files.flatMap((file) => file.faults);
  write([...reports.events.map(lineOf), ...reports.usage.map(lineOfUsage), ...faults, ''].join('\n'));
  if (heads.length === 0) write(`There are no signed heads in ${ownFile}: whether events were cut off at the end cannot be seen.\n`);
  return faults.length === 0 && [...reports.events, ...reports.usage].every(({ fault }) => fault === undefined);
}

interface HeadsFile {
  readonly heads: readonly AuditHead[];
  readonly faults: readonly string[];
}

async function readHeads(file: string, signer: HeadSigner, { mayBeMissing = false } = {}): Promise<HeadsFile> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (mayBeMissing && isMissing) return { heads: [], faults: [] };
    throw fileFailure(file, 'read', error, 'name a file of signed heads that this account may read');
  }
  const lines = text.split('\n').flatMap((line, index) => (line.trim() === '' ? [] : [{ number: index + 1, head: signer.read(line) }]));
  return {
    heads: lines.flatMap(({ head }) => (head === undefined ? [] : [head])),
    faults: lines.filter(({ head }) => head === undefined).map(({ number }) => `${file}, line ${number}: this head was not signed with this secret key`),
  };
}

interface Reports {
  readonly events: readonly ChainReport[];
  readonly usage: readonly SealsReport[];
}

async function verifyAt(databaseUrl: string, heads: readonly AuditHead[]): Promise<Reports> {
  const orm = await openOrm(databaseUrl, pino({ level: 'silent' }));
  try {
    return { events: await verifyAudit(orm.em, heads), usage: await verifyUsageSeals(orm.em, heads) };
  } finally {
    await orm.close(true);
  }
}

function lineOf({ organisationId, events, heads, fault }: ChainReport): string {
  return fault === undefined ? `${organisationId}: ${events} events hold, and ${heads} signed heads agree` : `${organisationId}: ${fault}`;
}

function lineOfUsage({ organisationId, seals, records, unsealed, dropped, heads, fault }: SealsReport): string {
  const gone = dropped.length === 0 ? '' : `; given up when their time was over: ${dropped.join(', ')}`;
  if (fault !== undefined) return `${organisationId}, usage: ${fault}${gone}`;
  return `${organisationId}, usage: ${records} records hold in ${seals} seals, ${unsealed} are not sealed yet, and ${heads} signed heads agree${gone}`;
}
