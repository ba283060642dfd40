/** The demo's servers, key and grants: made through the public API at the first start, and afterwards only put right where a path or port has moved. */
import { z } from 'zod';
import { readToken } from '../../shared/token.ts';
import type { AdminApi } from './admin-api.ts';
import type { DemoProgram } from './everything-server.ts';

export const DEMO_SLUG = 'demo';
/** It would show the environment of whoever runs the server, so the demo shows how it is refused. */
const BLOCKED_TOOL = 'get-env';

export interface DemoWishes {
  /** Undefined when the allow-list does not name it: then the demo goes over HTTP. */
  readonly program: DemoProgram | undefined;
  readonly endpointUrl: string;
  /** The key of the last start. */
  readonly savedKey: string | undefined;
}

const serverSchema = z.object({
  id: z.string(),
  transport: z.string(),
  endpointUrl: z.string().nullable(),
  stdioCommand: z.string().nullable(),
  stdioArgs: z.array(z.string()),
});
const keysSchema = z.object({ nodes: z.array(z.object({ prefix: z.string(), status: z.string() })) });
const SERVER_FIELDS = 'id transport endpointUrl stdioCommand stdioArgs';
const KEYS_MAX = 200;

/** Answers the demo's key in the clear: the saved one while it works. */
export async function ensureDemo(api: AdminApi, wishes: DemoWishes): Promise<string> {
  const http = { transport: 'STREAMABLE_HTTP', endpointUrl: wishes.endpointUrl };
  const { program } = wishes;
  const first = program === undefined ? http : { transport: 'STDIO', stdioCommand: program.command, stdioArgs: program.args };
  const serverIds = [
    await ensureServer(api, { name: 'Demo over STDIO', slug: DEMO_SLUG, blockedTools: [BLOCKED_TOOL] }, first),
    await ensureServer(api, { name: 'Demo over HTTP', slug: `${DEMO_SLUG}-http`, blockedTools: [BLOCKED_TOOL] }, http),
  ];
  if (wishes.savedKey !== undefined && (await isKeyActive(api, wishes.savedKey))) return wishes.savedKey;
  const { secret } = await api.mutate('createApiKey', 'CreateApiKeyInput', { name: 'demo', type: 'ORGANISATION', grantServerIds: serverIds }, 'secret');
  return z.string().parse(secret);
}

async function ensureServer(
  api: AdminApi,
  fixed: { name: string; slug: string; blockedTools: string[] },
  reach: Readonly<Record<string, unknown>>,
): Promise<string> {
  const { server } = await api.query(`query($slug: String!) { server(slug: $slug) { ${SERVER_FIELDS} } }`, { slug: fixed.slug });
  const found = serverSchema.nullable().parse(server);
  if (found === null) {
    const made = await api.mutate('createServer', 'CreateServerInput', { ...fixed, ...reach, enabled: true }, 'server { id }');
    return z.object({ id: z.string() }).parse(made['server']).id;
  }
  const { transport, ...place } = reach;
  // Whoever has pointed the demo somewhere else meant it.
  if (found.transport !== transport) return found.id;
  const current = { endpointUrl: found.endpointUrl, stdioCommand: found.stdioCommand, stdioArgs: found.stdioArgs };
  const isRight = Object.entries(current).every(([name, value]) => place[name] === undefined || JSON.stringify(place[name]) === JSON.stringify(value));
  if (!isRight) await api.mutate('updateServer', 'UpdateServerInput', { id: found.id, ...place }, 'server { id }');
  return found.id;
}

async function isKeyActive(api: AdminApi, key: string): Promise<boolean> {
  const reading = readToken(key);
  if (reading.kind !== 'apiKey') return false;
  const { apiKeys } = await api.query(`{ apiKeys(first: ${KEYS_MAX}) { nodes { prefix status } } }`);
  return keysSchema.parse(apiKeys).nodes.some(({ prefix, status }) => prefix === reading.prefix && status === 'ACTIVE');
}
