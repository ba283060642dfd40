/** GraphQL to lists of servers. */
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { Args, Ctx, Info, Query, Resolver } from 'type-graphql';
import { readPage, type Connection } from '../graphql/connection.ts';
import { readOrderedPage } from '../graphql/ordered-page.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import { McpServerConnection, type McpServerType } from './mcp-server.types.ts';
import { InventoryArgs, InventoryItemConnection, ServersArgs, type InventoryItemType } from './server-lists.types.ts';

const OLDEST_FIRST = { field: 'CREATED_AT', direction: 'ASC' } as const;

@Resolver()
export class ServerListsResolver {
  @Query(() => McpServerConnection, { description: 'Servers, oldest first unless ordered otherwise.' })
  servers(@Ctx() context: RequestContext, @Args(() => ServersArgs) args: ServersArgs, @Info() info: GraphQLResolveInfo): Promise<Connection<McpServerType>> {
    return context.services.serverLists.list(asAdmin(context), args.filter ?? {}, args.orderBy ?? OLDEST_FIRST, readOrderedPage(args), info);
  }

  @Query(() => InventoryItemConnection, { description: 'Servers with what they hold and what they are used for, oldest first. Needs USAGE_READ.' })
  inventory(
    @Ctx() context: RequestContext,
    @Args(() => InventoryArgs) { first, after, filter }: InventoryArgs,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<InventoryItemType>> {
    return context.services.serverLists.inventory(asAdmin(context, 'USAGE_READ'), filter ?? {}, readPage(first, after), info);
  }
}
