/** Lists of servers: in several orders and through a filter, and the inventory of what they are used for. */
import type { GraphQLResolveInfo } from 'graphql/index.js';
import type { Connection, Page } from '../graphql/connection.ts';
import { orderedPageOf, type OrderedPage } from '../graphql/ordered-page.ts';
import { pageOf } from '../graphql/paged-query.ts';
import type { AdminContext } from '../request-context.ts';
import { inventoryOf, type InventoryItem } from './inventory.ts';
import { McpServerEntity, type McpServer } from './mcp-server.entity.ts';
import { conditionsOf, type ServerFilter } from './server-filter.ts';

const SERVER_ORDERS = { NAME: 'name', CREATED_AT: 'id', UPDATED_AT: 'updatedAt', LAST_USED_AT: 'lastUsedAt' } as const;

export interface ServerOrder {
  readonly field: keyof typeof SERVER_ORDERS;
  readonly direction: 'ASC' | 'DESC';
}

export class ServerListsService {
  async list(context: AdminContext, filter: ServerFilter, order: ServerOrder, page: OrderedPage, info: GraphQLResolveInfo): Promise<Connection<McpServer>> {
    const { em } = context;
    const where = await conditionsOf(em, filter);
    const property = SERVER_ORDERS[order.field];
    return orderedPageOf(
      {
        find: (behind, options) => em.find(McpServerEntity, { $and: [where, behind] }, options),
        count: () => em.count(McpServerEntity, where),
        valueOf: (server) => asText(server[property]),
      },
      { property, direction: order.direction },
      page,
      info,
    );
  }

  /** Oldest first. Needs USAGE_READ, which the caller has asked for. */
  async inventory(context: AdminContext, filter: ServerFilter, page: Page, info: GraphQLResolveInfo): Promise<Connection<InventoryItem>> {
    const { em } = context;
    const where = await conditionsOf(em, filter);
    const servers = await pageOf(
      { find: (behind, options) => em.find(McpServerEntity, { $and: [where, behind] }, options), count: () => em.count(McpServerEntity, where) },
      page,
      info,
    );
    const itemOf = await inventoryOf(context, servers.nodes);
    const edges = servers.edges.map(({ cursor, node }) => ({ cursor, node: itemOf(node) }));
    return { ...servers, edges, nodes: edges.map(({ node }) => node) };
  }
}

function asText(value: string | Date | null | undefined): string | null {
  return value instanceof Date ? value.toISOString() : (value ?? null);
}
