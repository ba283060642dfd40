/** Reads who a client says it is from its `initialize`; for records and display, never for a decision. */
import { z } from 'zod';

/** Both travel in session ids, whose length is limited. */
const LENGTH_MAX = 64;
const initializeSchema = z.object({ params: z.object({ clientInfo: z.object({ name: z.string(), version: z.string() }) }) });

export interface ClientInfo {
  readonly name: string | null;
  readonly version: string | null;
}

export function readClientInfo(message: unknown): ClientInfo {
  const reading = initializeSchema.safeParse(message);
  if (!reading.success) return { name: null, version: null };
  const { name, version } = reading.data.params.clientInfo;
  return { name: name.slice(0, LENGTH_MAX), version: version.slice(0, LENGTH_MAX) };
}
