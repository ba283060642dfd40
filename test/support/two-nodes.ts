/** Both planes with a second data plane, each of the two nodes reachable by the other. */
import { startTestPlanes, type TestPlanes } from './planes.ts';
import { freePort } from './processes.ts';

export interface TwoNodes extends TestPlanes {
  /** Of both nodes, in the order in which they started. */
  readonly nodeUrls: readonly [string, string];
  /** Ends the second node and all that lives on it. */
  endSecond(): Promise<void>;
}

export async function startTwoNodes(environment: Readonly<Record<string, string>> = {}): Promise<TwoNodes> {
  const [first, second] = [await nodeEnvironment(), await nodeEnvironment()];
  const planes = await startTestPlanes({ ...environment, ...first });
  const node = await planes.addNode(second);
  return { ...planes, nodeUrls: [planes.dataUrl, node.url], endSecond: () => node.close(0) };
}

async function nodeEnvironment(): Promise<Record<string, string>> {
  const port = String(await freePort());
  return { DATA_PLANE_PORT: port, DATA_PLANE_NODE_URL: `http://127.0.0.1:${port}` };
}
