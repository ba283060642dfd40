/** The configuration of a data plane as a program of its own, for the measurement: says when all of it is in force, and of each change that it is. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { pino } from 'pino';
import { z } from 'zod';
import { startConfig } from '../../data-plane/config/start-config.ts';
import { systemClock } from '../../shared/clock.ts';
import { SecretSealer } from '../../shared/sealed-secret.ts';
import { SecretKey } from '../../shared/secret-key.ts';
import { eventually } from '../support/processes.ts';
import type { NodeMessage } from './config-load-messages.ts';
import { KEYS } from './large-configuration.ts';

const { CONTROL_PLANE_URL, DATA_PLANE_TOKEN, TURNPIKE_SECRET_KEY, TURNPIKE_DATA_DIR } = z
  .object({ CONTROL_PLANE_URL: z.string(), DATA_PLANE_TOKEN: z.string(), TURNPIKE_SECRET_KEY: z.string(), TURNPIKE_DATA_DIR: z.string() })
  .parse(process.env);
const secretKey = new SecretKey(TURNPIKE_SECRET_KEY);
const file = join(TURNPIKE_DATA_DIR, 'data-plane', 'last-known-good');

let measured = measuring();
const config = await startConfig({
  controlPlaneUrl: CONTROL_PLANE_URL,
  token: DATA_PLANE_TOKEN,
  sealer: new SecretSealer(secretKey),
  secretKey,
  dataDirectory: TURNPIKE_DATA_DIR,
  clock: systemClock,
  log: pino({ level: 'fatal' }),
  version: 'bench',
  nodeName: 'bench:0',
  describeNode: () => ({ ready: true, inFlight: 0, endpoints: [] }),
});
const isFilled = () => (config.store.current()?.keysByHash.size ?? 0) >= KEYS;
if (!isFilled()) await new Promise<void>((resolve) => config.store.onChange(() => isFilled() && resolve()));
tell('filled', process.memoryUsage.rss());
const bytes = await eventually(() => statSync(file).size, 'the file');
tell('saved', bytes);
config.store.onChange(({ next }) => {
  for (const { slug } of next.organisations.values()) say({ what: 'in force', slug });
});
process.once('message', () => {
  tell('changed', process.memoryUsage.rss());
  void config.close().then(() => process.disconnect());
});

/** What happened since the last time. */
function tell(what: 'filled' | 'saved' | 'changed', size: number): void {
  say({ what, ...measured(), megabytes: size / 2 ** 20 });
  measured = measuring();
}

function measuring() {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(cpuBefore);
    delay.disable();
    return { millis: performance.now() - startedAt, cpuMillis: (user + system) / 1000, blockMillis: delay.max / 1e6 };
  };
}

function say(message: NodeMessage): void {
  process.send?.(message);
}
