/** What a measured node says to the program that started it. */
import { z } from 'zod';

const measuredSchema = z.object({
  what: z.enum(['filled', 'saved', 'changed']),
  millis: z.number(),
  /** Tells what the machine was too busy to give. */
  cpuMillis: z.number(),
  blockMillis: z.number(),
  /** Of the process; of the file when it was saved. */
  megabytes: z.number(),
});
export const nodeMessageSchema = z.discriminatedUnion('what', [measuredSchema, z.object({ what: z.literal('in force'), slug: z.string() })]);
export type NodeMessage = z.infer<typeof nodeMessageSchema>;
export type Measured = z.infer<typeof measuredSchema>;
