/** A data plane with in-process counters, whose usage stream is read and acknowledged as the intake would. */
import { pino } from 'pino';
import { MemoryCounters } from '../../../data-plane/counters/memory-counters.ts';
import { startDataPlane } from '../../../data-plane/gateway.ts';
import { readDataPlaneSettings } from '../../../data-plane/settings.ts';
import { systemClock } from '../../../shared/clock.ts';
import { UsageQueue } from '../../../shared/usage-queue.ts';

const queue = new UsageQueue();
await startDataPlane(readDataPlaneSettings(process.env), { log: pino({ level: 'silent' }), counters: new MemoryCounters({ clock: systemClock, queue }) });
process.on('SIGTERM', () => process.exit(0));
for (;;) {
  const batch = await queue.read(500, 1000);
  await queue.acknowledge(batch);
}
