/** Gives a command the database that the control plane has, whether that runs or not. */
import { pino } from 'pino';
import { startEmbeddedPostgres } from '../control-plane/database/embedded-postgres.ts';
import { DirectoryInUse, holdDataDirectory, type DirectoryHold } from './data-directory.ts';

/** The operator's database, or the embedded one: that of the Turnpike that runs on the directory, or else started for as long as the work takes. */
export async function withDatabase<Answer>(given: string | undefined, directory: string, work: (databaseUrl: string) => Promise<Answer>): Promise<Answer> {
  if (given !== undefined) return work(given);
  const hold = await holdIfFree(directory);
  const database = await startEmbeddedPostgres({ dataDirectory: directory, log: pino({ level: 'silent' }) });
  try {
    return await work(database.databaseUrl);
  } finally {
    if (hold !== undefined) await database.stop();
    await hold?.release();
  }
}

async function holdIfFree(directory: string): Promise<DirectoryHold | undefined> {
  try {
    return await holdDataDirectory(directory);
  } catch (error) {
    if (error instanceof DirectoryInUse) return undefined;
    throw error;
  }
}
