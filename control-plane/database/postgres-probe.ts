/** Asks an embedded database that says it is ready whether it can really be read. */
import { Client } from 'pg';
import { pause } from './postmaster.ts';

const CONNECT_MILLIS_MAX = 5000;
const QUERY_MILLIS_MAX = 10_000;
/** For one that is used again while it recovers from the crash of one of its processes. */
const RECOVERY_MILLIS_MAX = 10_000;
/** `admin_shutdown`, `crash_shutdown`, `cannot_connect_now`. */
const RECOVERY_CODES = ['57P01', '57P02', '57P03'];

/** Rejects with PostgreSQL's own error when the files are so damaged that nobody can connect: whoever waited for such a server would wait for ever. */
export async function probeDatabase(databaseUrl: string): Promise<void> {
  const deadline = performance.now() + RECOVERY_MILLIS_MAX;
  for (;;) {
    try {
      return await readCatalogue(databaseUrl);
    } catch (error) {
      if (!isRecovering(error) || performance.now() > deadline) throw error;
    }
    await pause();
  }
}

async function readCatalogue(databaseUrl: string): Promise<void> {
  const client = new Client({ connectionString: databaseUrl, connectionTimeoutMillis: CONNECT_MILLIS_MAX, query_timeout: QUERY_MILLIS_MAX });
  // A connection that breaks is also told to whoever waits for its answer.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select count(*) from pg_class');
  } finally {
    await client.end();
  }
}

function isRecovering(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && RECOVERY_CODES.includes(error.code);
}
