/** What a client says of itself in `initialize`, in the form that its session id keeps: whoever must introduce it anew may be another node. */
import { z } from 'zod';
import { CLIENT_INFO_LENGTH_MAX } from './client-info.ts';

const introductionSchema = z.object({
  protocolVersion: z.string().max(32),
  capabilities: z.record(z.string(), z.unknown()),
  clientInfo: z.object({ name: z.string(), version: z.string() }),
});
export type Introduction = z.infer<typeof introductionSchema>;
const initializeSchema = z.object({ params: introductionSchema });

/** An id travels in a header with every request. */
const TEXT_BYTES_MAX = 1024;

/** The params of an `initialize`, as far as a server needs them, in JSON; null for those of no client that could be introduced, or too long to be kept. */
export function introductionIn(message: unknown): string | null {
  const reading = initializeSchema.safeParse(message);
  if (!reading.success) return null;
  const { protocolVersion, capabilities, clientInfo } = reading.data.params;
  const name = clientInfo.name.slice(0, CLIENT_INFO_LENGTH_MAX);
  const version = clientInfo.version.slice(0, CLIENT_INFO_LENGTH_MAX);
  const text = JSON.stringify({ protocolVersion, capabilities, clientInfo: { name, version } } satisfies Introduction);
  return Buffer.byteLength(text) > TEXT_BYTES_MAX ? null : text;
}

/** Reads what `introductionIn` wrote. */
export function readIntroduction(text: string): Introduction {
  return introductionSchema.parse(JSON.parse(text));
}
