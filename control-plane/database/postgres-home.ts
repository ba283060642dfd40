/** Decides where the embedded database keeps its files, its socket and its log, and makes those places. */
import { createHash } from 'node:crypto';
import { chmod, chown, lstat, mkdir, readdir, realpath, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canEnter, type Account } from './postgres-account.ts';
import { isAbsence } from './postmaster.ts';

export interface PostgresHome {
  /** Holds everything of this database; also where a copy of the programs may go. */
  readonly baseDirectory: string;
  readonly clusterDirectory: string;
  readonly socketDirectory: string;
  readonly logFile: string;
  /** Who the server runs as: the owner of the files that are there, else the account that was asked for. */
  readonly account: Account | undefined;
}

const ROOT_DIRECTORY = '/var/lib/turnpike';
/** A socket's address holds 104 bytes on the smallest platform, the final zero included. */
const SOCKET_PATH_MAX = 103;
export const SOCKET_PORT = 5432;

/** `dataDirectory` must exist. Throws a sentence when something else is in a place, or the socket's directory belongs to somebody else. */
export async function postgresHome(dataDirectory: string, account: Account | undefined): Promise<PostgresHome> {
  const directory = await realpath(dataDirectory);
  const name = createHash('sha256').update(directory).digest('hex').slice(0, 12);
  const baseDirectory = await chooseBase(directory, join(ROOT_DIRECTORY, name), account);
  const clusterDirectory = join(baseDirectory, 'pg');
  await requireDirectoryOrNothing(clusterDirectory);
  const owner = account === undefined ? undefined : await ownerOf(clusterDirectory, account);
  const socketDirectory = await makeSocketDirectory(baseDirectory, name, owner);
  return { baseDirectory, clusterDirectory, socketDirectory, logFile: join(baseDirectory, 'postgres.log'), account: owner };
}

/** Root's data directory may lie where the account cannot go. A database that is there already stays where it is. */
async function chooseBase(directory: string, apart: string, account: Account | undefined): Promise<string> {
  if (account === undefined) return directory;
  const isApart = (await isFilled(join(apart, 'pg'))) || !(await canEnter(directory, account));
  if (!isApart) return directory;
  await mkdir(apart, { recursive: true, mode: 0o755 });
  return apart;
}

/** Files that an ordinary user made are served as that user, so that the user can go on with them later. */
async function ownerOf(clusterDirectory: string, account: Account): Promise<Account> {
  try {
    const { uid, gid } = await stat(clusterDirectory);
    return uid === 0 || uid === account.uid ? account : { name: `user ${uid}`, uid, gid };
  } catch (error) {
    if (isAbsence(error)) return account;
    throw error;
  }
}

async function makeSocketDirectory(baseDirectory: string, name: string, account: Account | undefined): Promise<string> {
  const near = join(baseDirectory, 'run');
  const isShort = Buffer.byteLength(join(near, `.s.PGSQL.${SOCKET_PORT}`)) <= SOCKET_PATH_MAX;
  const directory = isShort ? near : join(tmpdir(), `turnpike-${name}`);
  await requireDirectoryOrNothing(directory);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if (account !== undefined) await chown(directory, account.uid, account.gid);
  // Whoever can reach the socket is trusted by the server, so nobody else may.
  const found = await lstat(directory);
  if (!found.isDirectory() || found.uid !== (account?.uid ?? process.getuid?.()))
    throw new Error(`${directory}, where the embedded database's socket goes, belongs to somebody else`);
  await chmod(directory, 0o700);
  return directory;
}

async function requireDirectoryOrNothing(path: string): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    if (isAbsence(error)) return undefined;
    throw error;
  });
  if (found?.isDirectory() === false) throw new Error(`${path} is where the embedded database keeps its files, and is not a directory: move it away`);
}

export async function isFilled(directory: string): Promise<boolean> {
  try {
    return (await readdir(directory)).length > 0;
  } catch (error) {
    if (isAbsence(error)) return false;
    throw error;
  }
}
