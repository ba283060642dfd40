/** The rows of explanations, of simulations, and of the playground. There is no gateway node that could be asked. */
import { mutation, query, type Rows } from './row.ts';

const NO_NODE = { expecting: ['DATA_PLANE_UNREACHABLE'] };

export const EXPLANATIONS: Rows = {
  'Query.explainAccess': {
    ...query(
      'USAGE_READ',
      ({ key, server }) => ({ input: { apiKeyId: key, serverId: server } }),
      ({ key }, { server }) => ({ input: { apiKeyId: key, serverId: server } }),
      ({ server }, { key }) => ({ input: { apiKeyId: key, serverId: server } }),
    ),
    ...NO_NODE,
  },
  'Query.simulatePolicy': query(
    'USAGE_READ',
    ({ grant }) => ({ input: { draft: { removedGrants: [grant] } } }),
    ({ grant }) => ({ input: { draft: { removedGrants: [grant] } } }),
    ({ server }) => ({ input: { draft: { toolRules: { serverId: server, allowedTools: [], blockedTools: [] } } } }),
    ({ server }) => ({ input: { draft: { semanticFilter: { serverId: server } } } }),
    ({ key }) => ({ input: { draft: { policy: { scope: 'API_KEY', ownerId: key, policies: {} } } } }),
    ({ budget }) => ({ input: { draft: { limit: { id: budget, limitUsd: '1' } } } }),
    ({ team }) => ({ input: { draft: { limit: { ownerType: 'TEAM', ownerId: team, limitUsd: '1', schedule: { period: 'DAILY', timezone: 'UTC' } } } } }),
  ),
  'Mutation.callTool': {
    ...mutation(
      'PLAYGROUND_CALL',
      ({ key, server }) => ({ asApiKeyId: key, serverId: server, tool: 'any' }),
      ({ key }, { server }) => ({ asApiKeyId: key, serverId: server, tool: 'any' }),
      ({ server }, { key }) => ({ asApiKeyId: key, serverId: server, tool: 'any' }),
    ),
    ...NO_NODE,
  },
};
