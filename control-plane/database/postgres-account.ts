/** Chooses the account that PostgreSQL runs as, because it refuses to run as root. */
import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

const ACCOUNT_NAMES = ['postgres', 'nobody'];
const run = promisify(execFile);

/** Undefined when this process is not root: then PostgreSQL runs as whoever runs this. Throws a sentence when no account can be found. */
export async function postgresAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ACCOUNT_NAMES) {
    const account = await findAccount(name);
    if (account !== undefined) return account;
  }
  throw new Error('the embedded database cannot run as root, and this machine has neither an account `postgres` nor `nobody` to run it as');
}

async function findAccount(name: string): Promise<Account | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
    return { name, uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    // `id` fails when there is no such account, and says nothing else that matters here.
    return undefined;
  }
}

/** Whether the account may go into the directory: it and each one above it must be open to it. */
export async function canEnter(directory: string, account: Account): Promise<boolean> {
  const { uid, gid, mode } = await stat(directory);
  const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
  if ((mode & bit) === 0) return false;
  const parent = dirname(directory);
  return parent === directory || canEnter(parent, account);
}
