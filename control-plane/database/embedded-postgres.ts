/** Runs the embedded PostgreSQL on a unix socket: makes the database at the first start, re-uses a server that still lives, stops it at the end. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { chown, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Logger } from 'pino';
import { postgresAccount, type Account } from './postgres-account.ts';
import { complaintOf, lastComplaint } from './postgres-complaint.ts';
import { isFilled, postgresHome, SOCKET_PORT, type PostgresHome } from './postgres-home.ts';
import { probeDatabase } from './postgres-probe.ts';
import { readyPrograms, type PostgresPrograms } from './postgres-programs.ts';
import { isAbsence, isGone, isPostmaster, killPostmaster, pause, readPostmaster, stopPostmaster, type Postmaster } from './postmaster.ts';

export interface EmbeddedPostgres {
  readonly databaseUrl: string;
  /** Where its files are. */
  readonly clusterDirectory: string;
  /** Whether this start made the database. */
  readonly isNew: boolean;
  /** Such as `18`. */
  readonly majorVersion: string;
  stop(): Promise<void>;
  /** Ends the server without waiting; the next start recovers. */
  kill(): void;
}

const SUPERUSER = 'turnpike';
const CONNECTIONS_MAX = 60;
/** Recovery after a crash reads back what was written since the last checkpoint. */
const START_MILLIS_MAX = 120_000;
const STOP_MILLIS_MAX = 30_000;
const run = promisify(execFile);

/** Resolves when the server takes connections. `dataDirectory` must exist. Throws a sentence when the database cannot be used. */
export async function startEmbeddedPostgres({ dataDirectory, log }: { dataDirectory: string; log: Logger }): Promise<EmbeddedPostgres> {
  const home = await postgresHome(dataDirectory, await postgresAccount());
  const { clusterDirectory } = home;
  const living = await findLiving(clusterDirectory);
  if (living !== undefined) {
    log.info({ pid: living.pid, clusterDirectory }, 'the embedded database still runs and is used again');
    return opened(await running(living, clusterDirectory, false));
  }
  const programs = await readyPrograms(home.account, home.baseDirectory);
  const isNew = !(await isFilled(clusterDirectory));
  if (isNew) await makeCluster(programs, home);
  const child = await startServer(programs, home);
  child.once('exit', (code, signal) => log.info({ code, signal }, 'the embedded database has ended'));
  return opened(await running({ pid: child.pid ?? 0, socketDirectory: home.socketDirectory }, clusterDirectory, isNew));
}

/** A server that cannot read its own files is stopped, and the reason is the answer. */
async function opened(database: EmbeddedPostgres): Promise<EmbeddedPostgres> {
  try {
    await probeDatabase(database.databaseUrl);
    return database;
  } catch (error) {
    await database.stop();
    throw cannotBeOpened(database.clusterDirectory, complaintOf(error), error);
  }
}

function cannotBeOpened(clusterDirectory: string, reason: string, cause?: unknown): Error {
  return new Error(
    `the embedded database in ${clusterDirectory} cannot be opened (${reason}): restore it from a backup, or move it away to start with an empty one`,
    { cause },
  );
}

/** Waits for a server that is starting, and for the end of one that is stopping. A file that names no such server is cleared away. */
async function findLiving(clusterDirectory: string): Promise<Postmaster | undefined> {
  const deadline = performance.now() + START_MILLIS_MAX;
  for (;;) {
    const found = await readPostmaster(clusterDirectory);
    if (found === undefined || !(await isPostmaster(found.pid, clusterDirectory))) {
      // PostgreSQL itself would refuse to start when the number belongs to another program of the same user by now, or when the
      // file is empty, as a power cut leaves it. A second server is kept out by the lock of the socket as well.
      await rm(join(clusterDirectory, 'postmaster.pid'), { force: true });
      return undefined;
    }
    if (found.status === 'ready') return found;
    if (found.status === 'stopping' && (await isGone(found.pid, clusterDirectory, STOP_MILLIS_MAX))) return undefined;
    if (performance.now() > deadline) throw new Error(`the embedded database, process ${found.pid}, is ${found.status} for too long`);
    await pause();
  }
}

async function running(
  { pid, socketDirectory }: Pick<Postmaster, 'pid' | 'socketDirectory'>,
  clusterDirectory: string,
  isNew: boolean,
): Promise<EmbeddedPostgres> {
  return {
    clusterDirectory,
    databaseUrl: `postgresql://${SUPERUSER}@localhost/postgres?host=${encodeURIComponent(socketDirectory)}&port=${SOCKET_PORT}`,
    isNew,
    majorVersion: (await readFile(join(clusterDirectory, 'PG_VERSION'), 'utf8')).trim(),
    stop: () => stopPostmaster(pid, clusterDirectory),
    kill: () => killPostmaster(pid),
  };
}

/** The directory gets its name when it is complete, so that a start that is interrupted leaves nothing half made. */
async function makeCluster(programs: PostgresPrograms, home: PostgresHome): Promise<void> {
  const unfinished = `${home.clusterDirectory}.new`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  if (home.account !== undefined) await chown(unfinished, home.account.uid, home.account.gid);
  const options = ['--auth=trust', '--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--no-instructions'];
  try {
    await run(programs.initdb, ['-D', unfinished, '-U', SUPERUSER, ...options], { cwd: '/', env: environment(), ...identity(home.account) });
  } catch (error) {
    const reason = error instanceof Error && 'stderr' in error ? lastComplaint(String(error.stderr)) : String(error);
    throw new Error(`the embedded database cannot be made in ${home.clusterDirectory}: ${reason}`, { cause: error });
  }
  await rename(unfinished, home.clusterDirectory);
}

async function startServer(programs: PostgresPrograms, home: PostgresHome): Promise<ChildProcess> {
  const { clusterDirectory, socketDirectory, logFile } = home;
  const settings = {
    listen_addresses: '',
    port: SOCKET_PORT,
    unix_socket_directories: socketDirectory,
    unix_socket_permissions: '0700',
    max_connections: CONNECTIONS_MAX,
    log_checkpoints: 'off',
  };
  const args = ['-D', clusterDirectory, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const output = await open(logFile, 'w', 0o600);
  // In a session of its own: a Ctrl-C in the terminal must not end it before those who use it.
  const child = spawn(programs.postgres, args, {
    cwd: '/',
    env: environment(),
    detached: true,
    stdio: ['ignore', output.fd, output.fd],
    ...identity(home.account),
  });
  const failure = new Promise<never>((_resolve, reject) => child.once('error', reject));
  child.unref();
  try {
    await Promise.race([untilReady(child, home), failure]);
  } finally {
    await output.close();
  }
  return child;
}

async function untilReady(child: ChildProcess, { clusterDirectory, logFile }: PostgresHome): Promise<void> {
  const deadline = performance.now() + START_MILLIS_MAX;
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw cannotBeOpened(clusterDirectory, lastComplaint(await readFile(logFile, 'utf8')));
    }
    const found = await readPostmaster(clusterDirectory).catch(ignoreAbsence);
    if (found?.pid === child.pid && found?.status === 'ready') return;
    if (performance.now() > deadline)
      throw new Error(`the embedded database in ${clusterDirectory} was not ready after ${START_MILLIS_MAX / 1000} s; ${logFile} says why`);
    await pause();
  }
}

function ignoreAbsence(error: unknown): undefined {
  if (!isAbsence(error)) throw error;
  return undefined;
}

/** Nothing of this process's environment: its `PG…` variables would change what the server does. */
function environment(): Record<string, string> {
  return { PATH: '/usr/bin:/bin', LANG: 'C', LC_ALL: 'C', TZ: 'UTC' };
}

function identity(account: Account | undefined): { uid?: number; gid?: number } {
  return account === undefined ? {} : { uid: account.uid, gid: account.gid };
}
