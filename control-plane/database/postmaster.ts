/** Finds the server process of a database directory through its `postmaster.pid`, makes sure that it really is one, and ends it. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

export interface Postmaster {
  readonly pid: number;
  readonly socketDirectory: string;
  /** As PostgreSQL writes it: `starting`, `ready`, `stopping`, `standby`; empty for a moment after the start. */
  readonly status: string;
}

const POLL_MILLIS = 20;
const FAST_SHUTDOWN_MILLIS = 10_000;
const IMMEDIATE_SHUTDOWN_MILLIS = 5000;
const run = promisify(execFile);

/** What `postmaster.pid` says, undefined when there is none. It may be left over from a server that was killed. */
export async function readPostmaster(clusterDirectory: string): Promise<Postmaster | undefined> {
  let text: string;
  try {
    text = await readFile(join(clusterDirectory, 'postmaster.pid'), 'utf8');
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  return Number.isSafeInteger(pid) && pid > 1 ? { pid, socketDirectory: lines[4] ?? '', status: (lines[7] ?? '').trim() } : undefined;
}

/** Whether the process lives and is a PostgreSQL on exactly this directory; its number may be another program's by now. */
export async function isPostmaster(pid: number, clusterDirectory: string): Promise<boolean> {
  const [program, ...args] = await commandLine(pid);
  return program !== undefined && basename(program) === 'postgres' && args.includes(clusterDirectory);
}

/** Fast shutdown: transactions are rolled back, everything is written. A server that does not end is ended harder; it recovers at its next start. */
export async function stopPostmaster(pid: number, clusterDirectory: string): Promise<void> {
  const stages = [
    ['SIGINT', FAST_SHUTDOWN_MILLIS],
    ['SIGQUIT', IMMEDIATE_SHUTDOWN_MILLIS],
    ['SIGKILL', IMMEDIATE_SHUTDOWN_MILLIS],
  ] as const;
  for (const [signal, waitMillis] of stages) {
    if (!(await isPostmaster(pid, clusterDirectory))) return;
    process.kill(pid, signal);
    if (await isGone(pid, clusterDirectory, waitMillis)) return;
  }
  throw new Error(`the embedded database, process ${pid}, does not end`);
}

/** Ends the server at once; it recovers at its next start. */
export function killPostmaster(pid: number): void {
  try {
    process.kill(pid, 'SIGQUIT');
  } catch (error) {
    if (!isAbsence(error)) throw error;
  }
}

/** Waits for the end of the process; false when it is still there after that time. */
export async function isGone(pid: number, clusterDirectory: string, waitMillis: number): Promise<boolean> {
  const deadline = performance.now() + waitMillis;
  while (await isPostmaster(pid, clusterDirectory)) {
    if (performance.now() > deadline) return false;
    await pause();
  }
  return true;
}

export function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, POLL_MILLIS));
}

export function isAbsence(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH');
}

async function commandLine(pid: number): Promise<string[]> {
  if (process.platform === 'linux') {
    try {
      return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
    } catch (error) {
      if (isAbsence(error)) return [];
      throw error;
    }
  }
  try {
    return (await run('ps', ['-p', String(pid), '-o', 'args='])).stdout.trim().split(' ');
  } catch {
    // `ps` answers with a failure when there is no such process.
    return [];
  }
}
