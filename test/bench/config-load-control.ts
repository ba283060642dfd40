/** A control plane as a program of its own, for the measurement: prints its URL, and at the end its longest block of the event loop. */
import 'reflect-metadata';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { pino } from 'pino';
import { startControlPlane } from '../../control-plane/application.ts';
import { readControlPlaneSettings } from '../../control-plane/settings.ts';
import { emptyStores } from '../support/control-plane.ts';

const plane = await startControlPlane(readControlPlaneSettings(process.env), { log: pino({ level: 'warn' }), ...emptyStores() });
const delay = monitorEventLoopDelay({ resolution: 1 });
process.stdout.write(`${JSON.stringify({ url: plane.url })}\n`);
process.on('message', (what) => {
  if (what === 'begin') {
    delay.reset();
    delay.enable();
  } else {
    process.send?.({ longestBlockMillis: delay.max / 1e6, rssMegabytes: process.memoryUsage.rss() / 2 ** 20 });
  }
});
process.once('SIGTERM', () => void plane.close().then(() => process.exit(0)));
