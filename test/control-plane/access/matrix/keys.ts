/** The rows of virtual keys and their grants. */
import { mutation, query, type Rows } from './row.ts';
import type { World } from './world.ts';

const freshKey = async ({ admin }: World) => (await admin.createApiKey()).id;

export const KEYS: Rows = {
  'Query.apiKeys': query('ADMINISTRATOR'),
  'Query.apiKey': query(
    'ADMINISTRATOR',
    ({ key }) => ({ id: key }),
    ({ key }) => ({ id: key }),
  ),
  'Mutation.createApiKey': mutation(
    'KEY_MANAGE',
    () => ({ name: 'own', type: 'ORGANISATION' }),
    ({ team }) => ({ name: 'k', type: 'TEAM', ownerId: team }),
    ({ user }) => ({ name: 'k', type: 'USER', ownerId: user }),
    ({ server }) => ({ name: 'k', type: 'ORGANISATION', grantServerIds: [server] }),
    ({ agent }) => ({ name: 'k', type: 'ORGANISATION', agentId: agent }),
  ),
  'Mutation.updateApiKey': mutation(
    'KEY_MANAGE',
    ({ key }) => ({ id: key }),
    ({ key }) => ({ id: key, name: 'mine now' }),
    ({ agent }, own) => ({ id: own.key, agentId: agent }),
    ({ predefinedAgent }, own) => ({ id: own.key, agentId: predefinedAgent }),
  ),
  'Mutation.setApiKeyDisabled': mutation(
    'KEY_MANAGE',
    async (own) => ({ id: await freshKey(own), disabled: true }),
    ({ key }) => ({ id: key, disabled: true }),
  ),
  'Mutation.rotateApiKey': mutation(
    'KEY_MANAGE',
    async (own) => ({ id: await freshKey(own) }),
    ({ key }) => ({ id: key }),
  ),
  'Mutation.revokeApiKey': mutation(
    'KEY_MANAGE',
    async (own) => ({ id: await freshKey(own) }),
    ({ key }) => ({ id: key }),
  ),
  'Query.grants': query(
    'ADMINISTRATOR',
    () => ({}),
    ({ key }) => ({ apiKeyId: key }),
    ({ server }) => ({ serverId: server }),
  ),
  'Mutation.setGrants': mutation(
    'GRANT_MANAGE',
    ({ key, server }) => ({ add: [{ apiKeyId: key, serverId: server }] }),
    ({ key }, own) => ({ add: [{ apiKeyId: key, serverId: own.server }] }),
    ({ server }, own) => ({ add: [{ apiKeyId: own.key, serverId: server }] }),
    ({ grant }) => ({ remove: [grant] }),
  ),
};
