/** What the suite is pointed at: the fixture server, and both planes with a key that may call it, all in this process. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Lifetime } from '../../bin/lifetime.ts';
import { MemoryCounters } from '../../data-plane/counters/memory-counters.ts';
import { startDataPlane } from '../../data-plane/gateway.ts';
import { readDataPlaneSettings } from '../../data-plane/settings.ts';
import { systemClock } from '../../shared/clock.ts';
import { startConformanceFixture } from '../support/conformance/fixture.ts';
import { startTestControlPlane } from '../support/control-plane.ts';
import { eventually } from '../support/processes.ts';

export interface ConformanceRig {
  readonly directUrl: string;
  readonly gatewayUrl: string;
  readonly apiKey: string;
  readonly directory: string;
}

const SLUG = 'conformance';
/** A method that only counters and records see beside the server. */
const PING = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });

/** The key has a grant and no limit of any kind: what the suite misses then is the gateway's fault. */
export async function startRig(lifetime: Lifetime): Promise<ConformanceRig> {
  const directory = await mkdtemp(join(tmpdir(), 'turnpike-conformance-'));
  lifetime.add({ end: () => rm(directory, { recursive: true, force: true }) });
  const fixture = await startConformanceFixture();
  lifetime.add({ end: () => fixture.close() });
  const control = await startTestControlPlane();
  lifetime.add({ end: () => control.close() });
  const settings = readDataPlaneSettings({
    DATA_PLANE_PORT: '0',
    TURNPIKE_DATA_DIR: join(directory, 'data-plane'),
    TURNPIKE_SECRET_KEY: control.settings.secretKey,
    CONTROL_PLANE_URL: control.url,
    DATA_PLANE_TOKEN: (await control.newDataPlaneToken()).token,
  });
  const counters = new MemoryCounters({ clock: systemClock, queue: control.usageQueue });
  const data = await startDataPlane(settings, { log: pino({ level: 'silent' }), counters });
  lifetime.add({ end: () => data.close() });
  const server = await control.admin.createServer({ name: 'Conformance', slug: SLUG, transport: 'STREAMABLE_HTTP', endpointUrl: fixture.url });
  const key = await control.admin.createApiKey();
  await control.admin.grant(key.id, server.id);
  const gatewayUrl = `${data.url}/v1/mcp/${SLUG}`;
  await eventually(() => isInForce(gatewayUrl, key.secret), 'the grant being in force');
  return { directUrl: fixture.url, gatewayUrl, apiKey: key.secret, directory };
}

async function isInForce(gatewayUrl: string, apiKey: string): Promise<true | undefined> {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  const response = await fetch(gatewayUrl, { method: 'POST', headers, body: PING });
  await response.arrayBuffer();
  return response.ok ? true : undefined;
}
