/** The rows of servers. */
import { mutation, query, subscription, type Rows } from './row.ts';
import type { World } from './world.ts';

/** To a server that is called without credentials. */
const NOBODY_SIGNS_IN = { expecting: ['CONFLICT'] };

let made = 0;
const newServer = () => ({ name: `made ${made++}`, transport: 'STREAMABLE_HTTP', endpointUrl: 'http://127.0.0.1:9/' });
const freshServer = async ({ admin }: World) => (await admin.createServer(newServer())).id;

export const SERVERS: Rows = {
  'Subscription.serverHealthChanged': subscription(
    'ADMINISTRATOR',
    () => ({}),
    async ({ admin }) => {
      const id = (await admin.createServer(newServer())).id;
      await admin.mutate('setServerEnabled', 'SetEnabledInput', { id, enabled: false }, 'server { id }');
    },
  ),
  // A whole page of everything that stands beside a server would cost too much.
  'Query.servers': query('ADMINISTRATOR', () => ({ first: 20 })),
  'Query.server': query(
    'ADMINISTRATOR',
    ({ server }) => ({ id: server }),
    ({ server }) => ({ id: server }),
  ),
  'Query.inventory': query('USAGE_READ'),
  'Query.clientSnippets': query(
    'ADMINISTRATOR',
    ({ server }) => ({ serverId: server }),
    ({ server }) => ({ serverId: server }),
  ),
  'Mutation.deleteServer': mutation(
    'SERVER_DELETE',
    async (own) => ({ id: await freshServer(own) }),
    ({ server }) => ({ id: server }),
  ),
  'Mutation.createServer': mutation(
    'SERVER_CREATE',
    newServer,
    ({ key }) => ({ ...newServer(), grantTo: [key] }),
    ({ team }) => ({ ...newServer(), scope: { teamId: team } }),
    ({ key }) => ({ ...newServer(), scope: { apiKeyId: key } }),
  ),
  'Mutation.updateServer': mutation(
    'SERVER_UPDATE',
    ({ server }) => ({ id: server }),
    ({ server }) => ({ id: server, name: 'mine now' }),
    ({ key }, own) => ({ id: own.server, scope: { apiKeyId: key } }),
    ({ team }, own) => ({ id: own.server, scope: { teamId: team } }),
  ),
  'Mutation.setServerEnabled': mutation(
    'SERVER_UPDATE',
    ({ server }) => ({ id: server, enabled: true }),
    ({ server }) => ({ id: server, enabled: false }),
  ),
  'Mutation.setServerAuth': mutation(
    'SERVER_UPDATE',
    ({ server }) => ({ id: server, auth: { none: true } }),
    ({ server }) => ({ id: server, auth: { none: true } }),
  ),
  'Mutation.startServerOAuth': {
    ...mutation(
      'SERVER_UPDATE',
      ({ server }) => ({ id: server }),
      ({ server }) => ({ id: server }),
    ),
    ...NOBODY_SIGNS_IN,
  },
  'Mutation.disconnectServerOAuth': {
    ...mutation(
      'SERVER_UPDATE',
      ({ server }) => ({ id: server }),
      ({ server }) => ({ id: server }),
    ),
    ...NOBODY_SIGNS_IN,
  },
  'Mutation.setToolRules': mutation(
    'TOOL_CONFIGURE',
    async (own) => ({ id: await freshServer(own), allowedTools: [], blockedTools: [] }),
    ({ server }) => ({ id: server, allowedTools: [], blockedTools: [] }),
  ),
  'Mutation.setPricing': mutation(
    'SERVER_UPDATE',
    ({ server }) => ({ serverId: server, pricing: {} }),
    ({ server }) => ({ serverId: server, pricing: {} }),
  ),
  'Mutation.setSemanticFilter': mutation(
    'TOOL_CONFIGURE',
    ({ server }) => ({ serverId: server }),
    ({ server }) => ({ serverId: server }),
  ),
  'Query.validateSemanticFilter': query('ADMINISTRATOR', () => ({ filter: {} })),
  'Mutation.setOrganisationFilter': mutation('POLICY_MANAGE', () => ({ filter: null })),
  'Mutation.setWebSearchPolicy': mutation(
    'TOOL_CONFIGURE',
    ({ server }) => ({ serverId: server, policy: {} }),
    ({ server }) => ({ serverId: server, policy: {} }),
  ),
  'Mutation.probeServer': mutation(
    'SERVER_CREATE',
    ({ upstream }) => ({ endpointUrl: upstream.url }),
    ({ server }) => ({ serverId: server }),
  ),
  'Mutation.importServers': mutation('SERVER_CREATE', () => ({ document: { mcpServers: { [`made-${made++}`]: { url: 'http://127.0.0.1:9/' } } } })),
};
