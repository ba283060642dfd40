/** Signals a process group as a whole, and waits until nothing of it is left. */
import { setTimeout as delay } from 'node:timers/promises';

const LOOKS_MAX = 100;
const LOOK_PAUSE_MILLIS = 10;

/** False when there is no such group, or none that is ours. Signal 0 only asks. */
export function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ESRCH' || error.code === 'EPERM')) return false;
    throw error;
  }
}

/** Kills what is left of a group. Gives up looking after a second: what is left then is dead and waits for its parent. */
export async function endOfGroup(pid: number): Promise<void> {
  for (let look = 0; look < LOOKS_MAX && signalGroup(pid, 'SIGKILL'); look++) await delay(LOOK_PAUSE_MILLIS);
}
