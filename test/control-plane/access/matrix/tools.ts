/** The rows of tools. */
import { mutation, query, type Rows } from './row.ts';

export const TOOLS: Rows = {
  'Query.tools': query(
    'ADMINISTRATOR',
    ({ server }) => ({ serverId: server }),
    ({ server }) => ({ serverId: server }),
  ),
  'Mutation.discoverTools': mutation(
    'TOOL_CONFIGURE',
    ({ server }) => ({ id: server }),
    ({ server }) => ({ id: server }),
  ),
  'Mutation.setToolReview': mutation(
    'TOOL_CONFIGURE',
    ({ server }) => ({ id: server, review: 'NONE' }),
    ({ server }) => ({ id: server, review: 'ALL' }),
  ),
  'Mutation.setToolsEnabled': mutation(
    'TOOL_CONFIGURE',
    ({ server }) => ({ serverId: server, tools: [], enabled: false }),
    ({ server }) => ({ serverId: server, tools: [], enabled: false }),
  ),
  'Mutation.setToolRisk': mutation(
    'TOOL_CONFIGURE',
    ({ server }) => ({ serverId: server, tools: [] }),
    ({ server }) => ({ serverId: server, tools: [] }),
  ),
  'Mutation.acceptToolChanges': mutation(
    'TOOL_CONFIGURE',
    ({ server }) => ({ serverId: server, tools: [], fingerprints: [] }),
    ({ server }) => ({ serverId: server, tools: [], fingerprints: [] }),
  ),
};
