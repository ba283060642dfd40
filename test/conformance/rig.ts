/** What the suite is pointed at: the fixture server, and both planes with a key that may call it, all in this process. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Lifetime } from '../../bin/lifetime.ts';
import { startConformanceFixture } from '../support/conformance/fixture.ts';
import { startTestPlanes } from '../support/planes.ts';

export interface ConformanceRig {
  readonly directUrl: string;
  readonly gatewayUrl: string;
  readonly apiKey: string;
  readonly directory: string;
}

/** The key has a grant and no limit of any kind: what the suite misses then is the gateway's fault. */
export async function startRig(lifetime: Lifetime): Promise<ConformanceRig> {
  const directory = await mkdtemp(join(tmpdir(), 'turnpike-conformance-'));
  lifetime.add({ end: () => rm(directory, { recursive: true, force: true }) });
  const fixture = await startConformanceFixture();
  lifetime.add({ end: () => fixture.close() });
  const planes = await startTestPlanes();
  lifetime.add({ end: () => planes.close() });
  const { url, apiKey } = await planes.governed({ slug: 'conformance', endpointUrl: fixture.url });
  return { directUrl: fixture.url, gatewayUrl: url, apiKey, directory };
}
