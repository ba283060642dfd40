/** A PostgreSQL of the tests' own: the server's programs where the machine has them, else the embedded one; a fresh database each time. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { pino } from 'pino';
import { startEmbeddedPostgres } from '../../control-plane/database/embedded-postgres.ts';
import { freePort, startProgram, eventually } from './processes.ts';

export interface TestDatabase {
  readonly url: string;
  query(sql: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
}

/** One that can be killed without warning, and comes back on the same port with what it had committed. */
export interface CrashableDatabase extends TestDatabase {
  crash(): Promise<void>;
}

/** Whether this machine has the server's programs, which an embedded one cannot stand for where it is to be killed. */
export const hasPostgresServer = newestPrograms() !== undefined;

/** Needs the server's programs. */
export function startCrashablePostgres(): Promise<CrashableDatabase> {
  const programs = newestPrograms();
  if (programs === undefined) throw new Error('no PostgreSQL server is installed');
  return startServer(programs);
}

/** `TURNPIKE_TEST_POSTGRES` chooses `embedded` or `server`; without it the server's programs are preferred. */
export async function startTestPostgres(): Promise<TestDatabase> {
  const choice = process.env['TURNPIKE_TEST_POSTGRES'];
  const programs = newestPrograms();
  if (choice === 'server' && programs === undefined) throw new Error('TURNPIKE_TEST_POSTGRES=server, and no PostgreSQL server is installed');
  return choice === 'embedded' || programs === undefined ? startEmbedded() : startServer(programs);
}

function newestPrograms(): string | undefined {
  return globSync('/usr/lib/postgresql/*/bin').toSorted().at(-1);
}

async function startServer(programs: string): Promise<CrashableDatabase> {
  const directory = mkdtempSync(join(tmpdir(), 'turnpike-pg-'));
  const owner = ownerOf(directory);
  execFileSync(join(programs, 'initdb'), ['-D', join(directory, 'data'), '-A', 'trust', '-U', 'postgres', '--no-sync', '-E', 'UTF8', '--locale=C.UTF-8'], {
    stdio: 'ignore',
    ...owner,
  });
  const port = await freePort();
  const args = [
    '-D',
    join(directory, 'data'),
    '-p',
    String(port),
    '-k',
    directory,
    '-c',
    'listen_addresses=127.0.0.1',
    '-c',
    'fsync=off',
    '-c',
    'max_connections=200',
  ];
  const start = () => startProgram(join(programs, 'postgres'), args, {}, { directory, ...owner });
  let program = start();
  const url = `postgresql://postgres@127.0.0.1:${port}/postgres`;
  const database = await opened(url, async () => {
    await program.stop('SIGINT');
    rmSync(directory, { recursive: true, force: true });
  });
  return {
    ...database,
    crash: async () => {
      await program.stop('SIGKILL');
      // Its processes hold the memory for another moment, and while they do a new one ends at once.
      await eventually(async () => {
        program = start();
        const isRunning = () => program.child.exitCode === null && program.child.signalCode === null;
        const isThere = await eventually(async () => isRunning() && (await database.query('select 1')).length > 0, 'PostgreSQL answering');
        if (!isThere) throw new Error(program.output());
        return true;
      }, 'PostgreSQL starting again');
    },
  };
}

async function startEmbedded(): Promise<TestDatabase> {
  const directory = mkdtempSync(join(tmpdir(), 'turnpike-pg-'));
  chmodSync(directory, 0o755);
  const { databaseUrl, stop } = await startEmbeddedPostgres({ dataDirectory: directory, log: pino({ level: 'silent' }) });
  return opened(databaseUrl, async () => {
    await stop();
    rmSync(directory, { recursive: true, force: true });
  });
}

async function opened(url: string, stop: () => Promise<void>): Promise<TestDatabase> {
  const query = async (sql: string, values: unknown[] = []) => {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      const { rows } = await client.query<Record<string, unknown>>(sql, values);
      return rows;
    } finally {
      await client.end();
    }
  };
  await eventually(() => query('select 1'), 'PostgreSQL answering');
  return { url, query, stop };
}

/** PostgreSQL refuses to run as root. */
function ownerOf(directory: string): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const [uid = 0, gid = 0] = execFileSync('sh', ['-c', 'id -u postgres 2>/dev/null || id -u nobody; id -g postgres 2>/dev/null || id -g nobody'], {
    encoding: 'utf8',
  })
    .trim()
    .split('\n')
    .map(Number);
  if (!existsSync(directory)) throw new Error('the directory must exist');
  chownSync(directory, uid, gid);
  return { uid, gid };
}
