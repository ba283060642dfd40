/** The control plane as a program: reads the environment, and runs until it is told to stop. */
import { destination, pino, type Logger } from 'pino';
import { startControlPlane, type RunningControlPlane } from './application.ts';
import { readControlPlaneSettings } from './settings.ts';
import { RedisUsageSource } from './usage-intake/redis-usage-source.ts';

/** Starts a production replica. The caller keeps the process alive, closes the plane on a signal, and may give up the start by `signal`. */
export async function runControlPlane(environment: Readonly<Record<string, string | undefined>>, signal?: AbortSignal): Promise<RunningControlPlane> {
  const settings = readControlPlaneSettings(environment);
  if (settings.redisUrl === undefined) throw new Error('REDIS_URL is needed: the control plane takes usage from there');
  const log = createLog(settings.logLevel);
  return startControlPlane(settings, { log, usageSource: new RedisUsageSource(settings.redisUrl, log), ...(signal === undefined ? {} : { signal }) });
}

/** JSON lines on standard error. */
function createLog(level: string): Logger {
  return pino({ level, base: { program: 'control-plane' } }, destination({ fd: 2, sync: false }));
}
