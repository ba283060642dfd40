/** Reads what a PostgreSQL has cost the processor: other programs on the machine change that less than they change the time that passes. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { TestDatabase } from '../support/postgres.ts';

const CLOCK_TICKS_A_SECOND = 100;
/** Of `/proc/PID/stat`, behind the name: the parent, and the times of a process in user and system mode, without and with the children that have ended. */
const PARENT = 1;
const OWN_TIMES = [11, 12];
const TIMES = [11, 12, 13, 14];

/** Microseconds of the server and all of its processes, those that have ended included. */
export async function postgresCpuMicros(database: TestDatabase): Promise<number> {
  const rows = await database.query(`select pid from pg_stat_activity where backend_type = 'checkpointer'`);
  const [{ pid: checkpointer }] = z.tuple([z.object({ pid: z.number() })]).parse(rows);
  const server = statOf(checkpointer)[PARENT] ?? 0;
  const children = readFileSync(`/proc/${server}/task/${server}/children`, 'utf8').trim().split(' ').map(Number);
  // The server last: what a process used that ends meanwhile is the server's by then.
  const ticks = children.reduce((sum, child) => sum + sumOf(child, OWN_TIMES), 0) + sumOf(server, TIMES);
  return (ticks * 1e6) / CLOCK_TICKS_A_SECOND;
}

function sumOf(pid: number, fields: readonly number[]): number {
  const stat = statOf(pid);
  return fields.reduce((sum, field) => sum + (stat[field] ?? 0), 0);
}

/** Nothing for a process that has ended. */
function statOf(pid: number): number[] {
  const stat = readStat(pid);
  return stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
}

/** Empty when it has ended, which it may do while it is looked at. */
function readStat(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return '';
    throw error;
  }
}
