/** The rows of the catalogue, of what is installed from it, and of look-ups by id. */
import { mutation, query, type Rows } from './row.ts';
import { idOf, newEntry, type World } from './world.ts';

let made = 0;
const entryInput = () => newEntry(`made entry ${made++}`);
const freshEntry = async ({ admin }: World) =>
  idOf((await admin.mutate('createCatalogEntry', 'CreateCatalogEntryInput', entryInput(), 'entry { id }'))['entry']);
const freshRequest = async (own: World) => {
  const { request } = await own.person.browser.mutate('requestInstall', 'RequestInstallInput', { entryId: await freshEntry(own) }, 'request { id }');
  return idOf(request);
};

export const CATALOGUE: Rows = {
  // The trusted entries are everybody's.
  'Query.catalog': query('ADMINISTRATOR', ({ slug }) => ({ search: slug })),
  'Query.installRequests': query('ADMINISTRATOR'),
  'Mutation.createCatalogEntry': mutation('CATALOG_MANAGE', entryInput),
  'Mutation.updateCatalogEntry': mutation(
    'CATALOG_MANAGE',
    ({ entry }) => ({ id: entry }),
    ({ entry }) => ({ id: entry, title: 'mine now' }),
  ),
  'Mutation.deleteCatalogEntry': mutation(
    'CATALOG_MANAGE',
    async (own) => ({ id: await freshEntry(own) }),
    ({ entry }) => ({ id: entry }),
  ),
  'Mutation.installCatalogEntry': mutation(
    'CATALOG_INSTALL',
    async (own) => ({ entryId: await freshEntry(own) }),
    ({ entry }) => ({ entryId: entry }),
    ({ key }) => ({ entryId: 'cat_deepwiki', grantTo: [key] }),
    ({ team }) => ({ entryId: 'cat_deepwiki', scope: { teamId: team } }),
  ),
  'Mutation.requestInstall': mutation(
    'PERSON',
    async (own) => ({ entryId: await freshEntry(own) }),
    ({ entry }) => ({ entryId: entry }),
  ),
  'Mutation.withdrawInstallRequest': mutation(
    'PERSON',
    async (own) => ({ id: await freshRequest(own) }),
    ({ installRequest }) => ({ id: installRequest }),
  ),
  'Mutation.decideInstallRequest': mutation(
    'CATALOG_INSTALL',
    async (own) => ({ id: await freshRequest(own), approve: true }),
    ({ installRequest }) => ({ id: installRequest, approve: false }),
  ),
};

export const NODES: Rows = {
  'Query.schemaInfo': query('ADMINISTRATOR'),
  'Query.node': query(
    'ADMINISTRATOR',
    ({ server }) => ({ id: server }),
    ({ server }) => ({ id: server }),
    ({ installRequest }) => ({ id: installRequest }),
  ),
  'Query.nodes': query(
    'ADMINISTRATOR',
    ({ server }) => ({ ids: [server] }),
    ({ server, key, entry, member, usageRecord }) => ({ ids: [server, key, entry, member, usageRecord] }),
  ),
};
