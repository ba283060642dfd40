/** Both planes in the test's own process, with in-process counters: the product as one thing, on a real PostgreSQL and without a Redis. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { startDataPlane, type RunningDataPlane } from '../../data-plane/gateway.ts';
import { MemorySessionBook } from '../../data-plane/sessions/memory-session-book.ts';
import { readDataPlaneSettings } from '../../data-plane/settings.ts';
import { systemClock } from '../../shared/clock.ts';
import { startTestControlPlane, type TestControlPlane } from './control-plane.ts';
import { eventually } from './processes.ts';

export interface GovernedByTest {
  readonly url: string;
  readonly apiKey: string;
  readonly serverId: string;
}

export interface TestPlanes {
  readonly control: TestControlPlane;
  /** Where the first node is. */
  readonly dataUrl: string;
  /** One more data plane, which shares what nodes share. `environment` holds further variables of its own. */
  addNode(environment?: Readonly<Record<string, string>>): Promise<RunningDataPlane>;
  /** A server with a key that may call it, in force on every node, and no limit of any kind. */
  governed(server: Readonly<Record<string, unknown>> & { readonly slug: string }): Promise<GovernedByTest>;
  close(): Promise<void>;
}

/**
 * `environment` holds further variables of the data planes, and `ofControl` such of the control plane; both planes have the list of STDIO servers
 * that the first names.
 */
export async function startTestPlanes(
  environment: Readonly<Record<string, string>> = {},
  ofControl: Readonly<Record<string, string>> = {},
): Promise<TestPlanes> {
  const control = await startTestControlPlane(environment['TURNPIKE_STDIO_ALLOWLIST'], {}, ofControl);
  const directories: string[] = [];
  const nodes: RunningDataPlane[] = [];
  const shared = {
    counters: control.counters,
    sessionBook: new MemorySessionBook(systemClock),
  };
  const addNode = async (own: Readonly<Record<string, string>> = {}) => {
    const directory = await mkdtemp(join(tmpdir(), 'turnpike-data-'));
    directories.push(directory);
    const settings = readDataPlaneSettings({
      DATA_PLANE_PORT: '0',
      TURNPIKE_DATA_DIR: directory,
      TURNPIKE_SECRET_KEY: control.settings.secretKey,
      CONTROL_PLANE_URL: control.url,
      DATA_PLANE_TOKEN: (await control.newDataPlaneToken()).token,
      ...environment,
      ...own,
    });
    const node = await startDataPlane(settings, { log: pino({ level: 'silent' }), ...shared });
    nodes.push(node);
    return node;
  };
  const { url: dataUrl } = await addNode();
  return {
    control,
    dataUrl,
    addNode,
    governed: async (input) => {
      const server = await control.admin.createServer({ name: input.slug, transport: 'STREAMABLE_HTTP', ...input });
      const key = await control.admin.createApiKey();
      await control.admin.grant(key.id, server.id);
      for (const { url } of nodes) await eventually(() => isInForce(url, key.secret, server.slug), 'the grant being in force');
      return { url: `${dataUrl}/v1/mcp/${server.slug}`, apiKey: key.secret, serverId: server.id };
    },
    close: async () => {
      await Promise.all(nodes.map((node) => node.close(0)));
      await control.close();
      for (const directory of directories) await rm(directory, { recursive: true, force: true });
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
