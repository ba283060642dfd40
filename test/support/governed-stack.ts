/** The product as it runs in production, with a server behind it and a client in front: what a test of governed calls begins with. */
import type { z } from 'zod';
import { GatewayClient } from './gateway-client.ts';
import { startMcpUpstream, type McpUpstream } from './mcp-upstream.ts';
import { startTestPostgres } from './postgres.ts';
import { eventually } from './processes.ts';
import { startTestRedis } from './redis.ts';
import { startStack, type Stack } from './stack.ts';

/** How long it may take until all of it answers. */
export const GOVERNED_STACK_MILLIS = 120_000;

/** A server, a key, and the grant between them. */
export interface Governed {
  readonly serverId: string;
  readonly slug: string;
  readonly keyId: string;
  readonly key: string;
  readonly grantId: string;
}

export interface GovernedStack extends Stack {
  readonly upstream: McpUpstream;
  readonly gateway: GatewayClient;
  /** In force. The server is the one behind the stack, unless its input says otherwise. */
  governed(server?: Readonly<Record<string, unknown>>, key?: Readonly<Record<string, unknown>>): Promise<Governed>;
  /** What was recorded of a request, as soon as it is. */
  recordOf<Fields>(requestId: string, selection: string, schema: z.ZodType<Fields>): Promise<Fields>;
}

export async function startGovernedStack(): Promise<GovernedStack> {
  const [database, redis, upstream] = await Promise.all([startTestPostgres(), startTestRedis(), startMcpUpstream()]);
  const stack = await startStack({ databaseUrl: database.url, redisUrl: redis.url });
  const { admin } = stack;
  let servers = 0;
  return {
    ...stack,
    upstream,
    gateway: new GatewayClient(stack.gatewayUrl),
    governed: async (given = {}, keyInput = {}) => {
      const slug = `server-${++servers}`;
      const server = await admin.createServer({ name: slug, slug, transport: 'STREAMABLE_HTTP', endpointUrl: upstream.url, ...given });
      const key = await admin.createApiKey(keyInput);
      const grantId = await admin.grant(key.id, server.id);
      await stack.settled();
      return { serverId: server.id, slug, keyId: key.id, key: key.secret, grantId };
    },
    recordOf: (requestId, selection, schema) =>
      eventually(async () => {
        const { usageRecord } = await admin.query(`query($id: String!) { usageRecord(requestId: $id) { ${selection} } }`, { id: requestId });
        return usageRecord === null ? undefined : schema.parse(usageRecord);
      }, `the record of ${requestId}`),
    close: async () => {
      await stack.close();
      await Promise.all([upstream.close(), redis.stop(), database.stop()]);
    },
  };
}
