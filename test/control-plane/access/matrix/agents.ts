/** The rows of agents and of what clients get that count as none. */
import { mutation, query, type Rows } from './row.ts';
import { idOf, type World } from './world.ts';

let made = 0;
const client = (server: string) => ({ name: 'c', clientNamePattern: 'c', allowedServerIds: [server] });
const freshAgent = async ({ admin }: World) =>
  idOf((await admin.mutate('createAgent', 'CreateAgentInput', { name: `made ${made++}` }, 'agent { id }'))['agent']);

export const AGENTS: Rows = {
  'Query.agents': query('ADMINISTRATOR'),
  'Query.agent': query(
    'ADMINISTRATOR',
    ({ agent }) => ({ id: agent }),
    ({ agent }) => ({ id: agent }),
    ({ predefinedAgent }) => ({ id: predefinedAgent }),
  ),
  'Query.unmappedClients': query('USAGE_READ'),
  'Mutation.createAgent': mutation(
    'AGENT_CONFIGURE',
    () => ({ name: `made ${made++}` }),
    ({ server }) => ({ name: 'a', clients: [client(server)] }),
  ),
  'Mutation.updateAgent': mutation(
    'AGENT_CONFIGURE',
    ({ agent }) => ({ id: agent }),
    ({ agent }) => ({ id: agent, name: 'mine now' }),
    ({ predefinedAgent }) => ({ id: predefinedAgent, clients: [] }),
    ({ server }, own) => ({ id: own.agent, clients: [client(server)] }),
  ),
  'Mutation.deleteAgent': mutation(
    'AGENT_CONFIGURE',
    async (own) => ({ id: await freshAgent(own) }),
    ({ agent }) => ({ id: agent }),
    ({ predefinedAgent }) => ({ id: predefinedAgent }),
  ),
  'Mutation.setUnknownClients': mutation('AGENT_CONFIGURE', () => ({ unknownClients: 'ALLOW' })),
};
