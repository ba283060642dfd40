/** What the suite is pointed at: the fixture server, and both planes with keys that may call it over each transport, all in this process. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Lifetime } from '../../bin/lifetime.ts';
import { startConformanceFixture } from '../support/conformance/fixture.ts';
import { prepareFixtureLaunch } from '../support/conformance/launch.ts';
import { postModern } from '../support/modern-client.ts';
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

/** What a server can meet that waits on one node for its client's answers, or that is spoken for in the older era alone. */
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
  const sessions = await planes.governed({ slug: 'conformance-sessions', endpointUrl: fixture.legacyUrl });
  const stdio = await planes.governed({ slug: 'conformance-stdio', ...launch.server });
  // The suite waits less long for an event than a process may take to start: the one for clients that can be asked runs before it comes.
  await (await postModern(stdio, 'server/discover', { capabilities: { elicitation: {} } })).text();
  const bridged = await planes.governed({ slug: 'conformance-modern', endpointUrl: modern.url });
  const sse = await planes.governed({ slug: 'conformance-sse', transport: 'SSE', endpointUrl: fixture.sseUrl });
  const forwarder = await startAlternatingForwarder(planes.nodeUrls);
  lifetime.add({ end: () => forwarder.close() });
  const overBoth = ({ url, apiKey }: Pick<GovernedRoute, 'url' | 'apiKey'>) => ({ url: forwarder.origin + new URL(url).pathname, apiKey });
  return {
    directUrl: fixture.url,
    routes: [
      { transport: 'Streamable HTTP', requirementSets: REQUIREMENT_SETS, ...http },
      // The newer revision is what the gateway makes of sessions: of the older one these say no more than the route before.
      { transport: 'HTTP with sessions', requirementSets: ['2026-07-28'], ...sessions },
      { transport: '2026-07-28 only', requirementSets: WITH_SESSIONS, ...bridged },
      { transport: 'STDIO', requirementSets: REQUIREMENT_SETS, ...stdio },
      { transport: 'HTTP+SSE', requirementSets: REQUIREMENT_SETS, ...sse },
      { transport: 'Streamable HTTP, two nodes', requirementSets: REQUIREMENT_SETS, ...overBoth(http) },
      { transport: 'STDIO, two nodes', requirementSets: WITH_SESSIONS, ...overBoth(stdio) },
      { transport: 'HTTP+SSE, two nodes', requirementSets: WITH_SESSIONS, ...overBoth(sse) },
    ],
    directory,
  };
}
