/** Waits until the gateway answers as the welcome promises: with a configuration in force, and a key that opens the demo. */
import { z } from 'zod';

const healthSchema = z.object({ config: z.object({ version: z.union([z.string(), z.number()]).nullable() }) });
const keySchema = z.object({ valid: z.boolean(), servers: z.array(z.string()).default([]) });
const DEADLINE_MILLIS = 20_000;
const POLL_MILLIS = 40;

/** Answers the version of the configuration. Throws a sentence when it takes too long. */
export async function untilReady(dataPlaneUrl: string, demo: { apiKey: string; slug: string } | undefined): Promise<string> {
  const deadline = performance.now() + DEADLINE_MILLIS;
  for (;;) {
    const version = await configVersion(dataPlaneUrl);
    if (version !== null && (demo === undefined || (await isOpen(dataPlaneUrl, demo)))) return version;
    if (performance.now() > deadline)
      throw new Error(`the data plane did not get its configuration within ${DEADLINE_MILLIS / 1000} s; TURNPIKE_LOG_LEVEL=debug shows why`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLIS));
  }
}

async function configVersion(dataPlaneUrl: string): Promise<string | null> {
  const response = await fetch(`${dataPlaneUrl}/v1/healthz`);
  const { version } = healthSchema.parse(await response.json()).config;
  return version === null ? null : String(version);
}

async function isOpen(dataPlaneUrl: string, { apiKey, slug }: { apiKey: string; slug: string }): Promise<boolean> {
  const response = await fetch(`${dataPlaneUrl}/v1/keys/validate`, { method: 'POST', headers: { authorization: `Bearer ${apiKey}` } });
  const { valid, servers } = keySchema.parse(await response.json());
  return valid && servers.includes(slug);
}
