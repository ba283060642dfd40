/** What is wrong with a configuration, in words that an administrator may read: the entity and the path to the fault, never a value. */
import type { z } from 'zod';

const REASON_CHARACTERS_MAX = 1000;

export class ConfigFault extends Error {
  override readonly name = 'ConfigFault';

  constructor(reason: string, options?: ErrorOptions) {
    super(reason.slice(0, REASON_CHARACTERS_MAX), options);
  }
}

/** Every fault that a schema found in one place of the configuration. */
export function faultOf(place: string, error: z.ZodError): ConfigFault {
  const faults = error.issues.map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`));
  return new ConfigFault(`${place}: ${faults.join('; ')}`);
}
