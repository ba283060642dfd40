/** Waits until the gateway answers as the welcome promises: with a configuration in force, and a key that opens the demo. */
import { z } from 'zod';

const healthSchema = z.object({ config: z.object({ version: z.union([z.string(), z.number()]).nullable() }) });
const keySchema = z.object({ valid: z.boolean(), servers: z.array(z.string()).default([]) });
/** For the first configuration. */
const CONFIG_MILLIS_MAX = 20_000;
/** For what is newer than a saved configuration, which may be the one in force at first. */
const DEMO_MILLIS_MAX = 5000;
const POLL_MILLIS = 40;

export interface Readiness {
  /** Of the configuration in force. */
  readonly version: string;
  /** Whether the key opens the demo. It does not when the operator has disabled the one, or taken the grant of the other away. */
  readonly isDemoOpen: boolean;
}

/** Throws a sentence when there is no configuration for too long. */
export async function untilReady(dataPlaneUrl: string, demo: { apiKey: string; slug: string } | undefined): Promise<Readiness> {
  const version = await untilConfigured(dataPlaneUrl);
  if (demo === undefined) return { version, isDemoOpen: false };
  const isDemoOpen = await within(DEMO_MILLIS_MAX, async () => ((await isOpen(dataPlaneUrl, demo)) ? true : undefined));
  return { version: (await configVersion(dataPlaneUrl)) ?? version, isDemoOpen: isDemoOpen === true };
}

async function untilConfigured(dataPlaneUrl: string): Promise<string> {
  const version = await within(CONFIG_MILLIS_MAX, () => configVersion(dataPlaneUrl));
  if (version !== undefined) return version;
  throw new Error(`the data plane did not get its configuration within ${CONFIG_MILLIS_MAX / 1000} s; TURNPIKE_LOG_LEVEL=debug shows why`);
}

/** Asks until there is an answer; undefined when there is none in that time. */
async function within<Answer>(waitMillis: number, ask: () => Promise<Answer | undefined>): Promise<Answer | undefined> {
  const deadline = performance.now() + waitMillis;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined || performance.now() > deadline) return answer;
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLIS));
  }
}

async function configVersion(dataPlaneUrl: string): Promise<string | undefined> {
  const response = await fetch(`${dataPlaneUrl}/v1/healthz`);
  const { version } = healthSchema.parse(await response.json()).config;
  return version === null ? undefined : String(version);
}

async function isOpen(dataPlaneUrl: string, { apiKey, slug }: { apiKey: string; slug: string }): Promise<boolean> {
  const response = await fetch(`${dataPlaneUrl}/v1/keys/validate`, { method: 'POST', headers: { authorization: `Bearer ${apiKey}` } });
  const { valid, servers } = keySchema.parse(await response.json());
  return valid && servers.includes(slug);
}
