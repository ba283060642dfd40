/** Both planes in the test's own process, with in-process counters: the product as one thing, on a real PostgreSQL and without a Redis. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { startDataPlane } from '../../data-plane/gateway.ts';
import { readDataPlaneSettings } from '../../data-plane/settings.ts';
import { startTestControlPlane, type TestControlPlane } from './control-plane.ts';
import { eventually } from './processes.ts';

export interface TestPlanes {
  readonly control: TestControlPlane;
  readonly dataUrl: string;
  /** A server with a key that may call it, in force, and no limit of any kind. */
  governed(server: Readonly<Record<string, unknown>> & { readonly slug: string }): Promise<{ url: string; apiKey: string }>;
  close(): Promise<void>;
}

/** `environment` holds further variables of the data plane; both planes have the list of STDIO servers that it names. */
export async function startTestPlanes(environment: Readonly<Record<string, string>> = {}): Promise<TestPlanes> {
  const control = await startTestControlPlane(environment['TURNPIKE_STDIO_ALLOWLIST']);
  const directory = await mkdtemp(join(tmpdir(), 'turnpike-data-'));
  const settings = readDataPlaneSettings({
    DATA_PLANE_PORT: '0',
    TURNPIKE_DATA_DIR: directory,
    TURNPIKE_SECRET_KEY: control.settings.secretKey,
    CONTROL_PLANE_URL: control.url,
    DATA_PLANE_TOKEN: (await control.newDataPlaneToken()).token,
    ...environment,
  });
  const data = await startDataPlane(settings, { log: pino({ level: 'silent' }), counters: control.counters });
  return {
    control,
    dataUrl: data.url,
    governed: async (input) => {
      const server = await control.admin.createServer({ name: input.slug, transport: 'STREAMABLE_HTTP', ...input });
      const key = await control.admin.createApiKey();
      await control.admin.grant(key.id, server.id);
      await eventually(() => isInForce(data.url, key.secret, server.slug), 'the grant being in force');
      return { url: `${data.url}/v1/mcp/${server.slug}`, apiKey: key.secret };
    },
    close: async () => {
      await data.close(0);
      await control.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A request that is refused after the grant was found, and so reaches no server. */
async function isInForce(dataUrl: string, apiKey: string, slug: string): Promise<true | undefined> {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'text/plain' };
  const response = await fetch(`${dataUrl}/v1/mcp/${slug}`, { method: 'POST', headers, body: 'x' });
  await response.arrayBuffer();
  return response.status === 415 ? true : undefined;
}
