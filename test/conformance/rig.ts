/** What the suite is pointed at: the fixture server, and both planes with keys that may call it over each transport, all in this process. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Lifetime } from '../../bin/lifetime.ts';
import { startConformanceFixture } from '../support/conformance/fixture.ts';
import { prepareFixtureLaunch } from '../support/conformance/launch.ts';
import { startTwoNodes } from '../support/two-nodes.ts';
import { startAlternatingForwarder } from './alternating-forwarder.ts';
import type { UpstreamTransport } from './exceptions.ts';
import { REQUIREMENT_SETS, type RequirementSet } from './suite.ts';

export interface ConformanceRig {
  readonly directUrl: string;
  /** The fixture behind the gateway, once for each transport. */
  readonly routes: readonly GovernedRoute[];
  readonly directory: string;
}

export interface GovernedRoute {
  readonly transport: UpstreamTransport;
  /** What a server over this transport can meet. */
  readonly requirementSets: readonly RequirementSet[];
  readonly url: string;
  readonly apiKey: string;
}

/** The eras with sessions: the gateway greets servers over these transports before a request comes. */
const WITH_SESSIONS: readonly RequirementSet[] = ['2025-11-25'];

/** The keys have a grant and no limit of any kind: what the suite misses then is the gateway's fault. */
export async function startRig(lifetime: Lifetime): Promise<ConformanceRig> {
  const directory = await mkdtemp(join(tmpdir(), 'turnpike-conformance-'));
  lifetime.add({ end: () => rm(directory, { recursive: true, force: true }) });
  const fixture = await startConformanceFixture();
  lifetime.add({ end: () => fixture.close() });
  const modern = await startConformanceFixture({ era: 'modern' });
  lifetime.add({ end: () => modern.close() });
  const launch = await prepareFixtureLaunch(directory);
  const planes = await startTwoNodes(launch.environment);
  lifetime.add({ end: () => planes.close() });
  const http = await planes.governed({ slug: 'conformance', endpointUrl: fixture.url });
  const stdio = await planes.governed({ slug: 'conformance-stdio', ...launch.server });
  const bridged = await planes.governed({ slug: 'conformance-modern', endpointUrl: modern.url });
  const sse = await planes.governed({ slug: 'conformance-sse', transport: 'SSE', endpointUrl: fixture.sseUrl });
  const forwarder = await startAlternatingForwarder(planes.nodeUrls);
  lifetime.add({ end: () => forwarder.close() });
  const routes = [
    { transport: 'Streamable HTTP', requirementSets: REQUIREMENT_SETS, ...http },
    { transport: 'STDIO', requirementSets: WITH_SESSIONS, ...stdio },
    { transport: 'HTTP+SSE', requirementSets: WITH_SESSIONS, ...sse },
  ] as const;
  const overBoth = routes.map((route) => ({
    ...route,
    transport: `${route.transport}, two nodes` as const,
    url: forwarder.origin + new URL(route.url).pathname,
  }));
  const spokenFor = { transport: '2026-07-28 only', requirementSets: WITH_SESSIONS, ...bridged } as const;
  return { directUrl: fixture.url, routes: [...routes, spokenFor, ...overBoth], directory };
}
