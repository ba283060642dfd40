/** What the suite is pointed at: the fixture server, and both planes with keys that may call it over each transport, all in this process. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Lifetime } from '../../bin/lifetime.ts';
import { startConformanceFixture } from '../support/conformance/fixture.ts';
import { prepareFixtureLaunch } from '../support/conformance/launch.ts';
import { postModern } from '../support/modern-client.ts';
import { startTestPlanes } from '../support/planes.ts';
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

/** The keys have a grant and no limit of any kind: what the suite misses then is the gateway's fault. */
export async function startRig(lifetime: Lifetime): Promise<ConformanceRig> {
  const directory = await mkdtemp(join(tmpdir(), 'turnpike-conformance-'));
  lifetime.add({ end: () => rm(directory, { recursive: true, force: true }) });
  const fixture = await startConformanceFixture();
  lifetime.add({ end: () => fixture.close() });
  const launch = await prepareFixtureLaunch(directory);
  const planes = await startTestPlanes(launch.environment);
  lifetime.add({ end: () => planes.close() });
  const http = await planes.governed({ slug: 'conformance', endpointUrl: fixture.url });
  const sessions = await planes.governed({ slug: 'conformance-sessions', endpointUrl: fixture.legacyUrl });
  const stdio = await planes.governed({ slug: 'conformance-stdio', ...launch.server });
  // The suite waits less long for an event than a process may take to start: the one for clients that can be asked runs before it comes.
  await (await postModern(stdio, 'server/discover', { capabilities: { elicitation: {} } })).text();
  const sse = await planes.governed({ slug: 'conformance-sse', transport: 'SSE', endpointUrl: fixture.sseUrl });
  return {
    directUrl: fixture.url,
    routes: [
      { transport: 'Streamable HTTP', requirementSets: REQUIREMENT_SETS, ...http },
      // The newer revision is what the gateway makes of sessions: of the older one these say no more than the route before.
      { transport: 'HTTP with sessions', requirementSets: ['2026-07-28'], ...sessions },
      { transport: 'STDIO', requirementSets: REQUIREMENT_SETS, ...stdio },
      { transport: 'HTTP+SSE', requirementSets: REQUIREMENT_SETS, ...sse },
    ],
    directory,
  };
}
