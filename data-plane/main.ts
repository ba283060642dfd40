/** The data plane as a program: reads the environment, runs until it is told to stop, drains, and ends. */
import { destination, pino, type Logger } from 'pino';
import { startDataPlane, type RunningDataPlane } from './gateway.ts';
import { readDataPlaneSettings } from './settings.ts';

/** Starts a production node. The caller keeps the process alive and closes the plane on a signal. */
export async function runDataPlane(environment: Readonly<Record<string, string | undefined>>): Promise<RunningDataPlane> {
  const settings = readDataPlaneSettings(environment);
  if (settings.redisUrl === undefined) throw new Error('REDIS_URL is needed: the data plane counts in Redis');
  return startDataPlane(settings, { log: createLog(settings.logLevel) });
}

/** JSON lines on standard error, written behind the request path. */
function createLog(level: string): Logger {
  return pino({ level, base: { program: 'data-plane' } }, destination({ fd: 2, sync: false }));
}
