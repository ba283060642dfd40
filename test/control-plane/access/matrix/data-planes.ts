/** The rows of data planes, which see and say what nobody else may. */
import { newId } from '../../../../shared/ids.ts';
import { mutation, query, subscription, type Rows } from './row.ts';

export const DATA_PLANES: Rows = {
  'Query.dataPlanes': query('ADMINISTRATOR'),
  'Mutation.dataPlaneHello': mutation('DATA_PLANE', ({ slug }) => ({
    name: `${slug} node`,
    version: '1',
    configVersion: '0',
    ready: true,
    inFlight: 0,
    endpoints: [],
  })),
  'Mutation.acknowledgeConfig': mutation(
    'DATA_PLANE',
    ({ dataPlane }) => ({ dataPlaneId: dataPlane, version: '1' }),
    ({ dataPlane }) => ({ dataPlaneId: dataPlane, version: '1' }),
  ),
  'Mutation.reportServers': mutation(
    'DATA_PLANE',
    ({ dataPlane }) => ({ dataPlaneId: dataPlane, reports: [] }),
    ({ dataPlane }) => ({ dataPlaneId: dataPlane, reports: [] }),
  ),
  'Mutation.renewUpstreamToken': mutation(
    'DATA_PLANE',
    ({ server }) => ({ serverId: server }),
    ({ server }) => ({ serverId: server }),
  ),
  'Subscription.dataPlaneChanged': subscription(
    'ADMINISTRATOR',
    () => ({}),
    async ({ plane, slug, dataPlaneToken }) => {
      const input = { name: `${slug} node ${newId('dataPlane')}`, version: '1', configVersion: '0', ready: true, inFlight: 0, endpoints: [] };
      await plane.ask('mutation($input: DataPlaneHelloInput!) { dataPlaneHello(input: $input) { dataPlane { id } } }', { input }, dataPlaneToken);
    },
  ),
  'Subscription.dataPlaneConfig': subscription(
    'DATA_PLANE',
    ({ dataPlane }) => ({ dataPlaneId: dataPlane }),
    async ({ admin }) => void (await admin.createApiKey()),
  ),
};
