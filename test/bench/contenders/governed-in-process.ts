/** A data plane with in-process counters, whose usage events are taken as the intake would, and told at its end. */
import { setTimeout as wait } from 'node:timers/promises';
import { pino } from 'pino';
import { MemoryCounters } from '../../../data-plane/counters/memory-counters.ts';
import { startDataPlane } from '../../../data-plane/gateway.ts';
import { readDataPlaneSettings } from '../../../data-plane/settings.ts';
import { systemClock } from '../../../shared/clock.ts';
import { UsageQueue } from '../../../shared/usage-queue.ts';
import { UsageTally } from '../usage-tally.ts';

const DRAIN_MILLIS = 10;
const queue = new UsageQueue();
const tally = new UsageTally(queue);
const running = await startDataPlane(readDataPlaneSettings(process.env), {
  log: pino({ level: 'silent' }),
  counters: new MemoryCounters({ clock: systemClock, queue }),
});
process.once('SIGTERM', () => void end());
await tally.run();

async function end(): Promise<void> {
  await running.close();
  while (queue.size > 0) await wait(DRAIN_MILLIS);
  process.stdout.write(`${tally.toString()}\n`, () => process.exit(0));
}
