/** The control plane as a program: reads the environment, and runs until it is told to stop. */
import { destination, pino, type Logger } from 'pino';
import { startControlPlane, type RunningControlPlane } from './application.ts';
import { LostWindows } from './money/lost-windows.ts';
import { RedisWindowCounts } from './money/redis-window-counts.ts';
import { readControlPlaneSettings } from './settings.ts';
import { RedisUsageSource } from './usage-intake/redis-usage-source.ts';

/** Starts a production replica. The caller keeps the process alive, closes the plane on a signal, and may give up the start by `signal`. */
export async function runControlPlane(environment: Readonly<Record<string, string | undefined>>, signal?: AbortSignal): Promise<RunningControlPlane> {
  const settings = readControlPlaneSettings(environment);
  const { redisUrl } = settings;
  if (redisUrl === undefined) throw new Error('REDIS_URL is needed: the control plane takes usage and counts from there');
  const log = createLog(settings.logLevel);
  const windowCounts = new RedisWindowCounts(redisUrl, log);
  const stores = {
    usageSource: new RedisUsageSource(redisUrl, log),
    windowCounts,
    ledger: windowCounts,
    lostWindows: new LostWindows(redisUrl, log),
  };
  return startControlPlane(settings, { log, ...stores, ...(signal === undefined ? {} : { signal }) });
}

/** JSON lines on standard error. */
function createLog(level: string): Logger {
  return pino({ level, base: { program: 'control-plane' } }, destination({ fd: 2, sync: false }));
}
