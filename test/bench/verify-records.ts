/** Makes sure that the governed contenders did their work: every call that reached the upstream is one usage event. */
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { eventually, type Program } from '../support/processes.ts';
import { tallySchema } from './usage-tally.ts';

/** The load leaves at its end without waiting for the last answers. */
const PASSED = ['ALLOWED', 'ERRORED client_gone'];
const callsByPathSchema = z.record(z.string(), z.number());

/** Ends the reader when it has read everything; the gateways must have ended before. Throws when intents or events are left. */
export async function stopReader(reader: Program, redis: Redis): Promise<void> {
  for (const owner of await redis.smembers('turnpike:usage-streams')) {
    const open = await redis.hlen(`{${owner}}:intents`);
    if (open > 0) throw new Error(`${open} calls were admitted and never settled`);
    await eventually(async () => ((await redis.xlen(`{${owner}}:usage`)) === 0 ? true : undefined), 'every usage event being read');
  }
  await reader.stop();
}

/** Compares what a reader of events told at its end with the calls that the upstream counted at that path. Throws when they differ. */
export function compareCounts(what: string, reader: Program, upstream: Program, path: string): { calls: number; denied: number } {
  const endings = tallySchema.parse(JSON.parse(reader.output()));
  const calls = callsByPathSchema.parse(JSON.parse(upstream.output()))[path] ?? 0;
  const recorded = PASSED.reduce((sum, ending) => sum + (endings[ending] ?? 0), 0);
  if (recorded !== calls) throw new Error(`${what}: ${calls} calls reached the upstream, and these were recorded: ${JSON.stringify(endings)}`);
  return { calls, denied: Object.values(endings).reduce((sum, count) => sum + count, 0) - recorded };
}
