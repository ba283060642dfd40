/** GraphQL to what clients are told of a server. */
import { Arg, Ctx, ID, Query, Resolver } from 'type-graphql';
import { CLIENT_APPS, clientSnippet, type ClientApp } from '../../shared/client-snippets.ts';
import { gatewayUrlOf } from '../mcp-servers/gateway-url.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import { CLIENT_APP, ClientSnippetType } from './client-snippet.types.ts';

@Resolver()
export class ClientSnippetsResolver {
  @Query(() => [ClientSnippetType], {
    description: 'How each client is told of a server; of all clients when none are named, and none when there is no such server.',
  })
  async clientSnippets(
    @Ctx() context: RequestContext,
    @Arg('serverId', () => ID) serverId: string,
    @Arg('clients', () => [CLIENT_APP], { nullable: true }) clients: ClientApp[] | null,
  ): Promise<ClientSnippetType[]> {
    const server = await asAdmin(context).loaders.mcpServers.load(serverId);
    if (server === null) return [];
    const target = { slug: server.slug, url: gatewayUrlOf(context, server) };
    return (clients ?? CLIENT_APPS).map((client) => ({ ...clientSnippet(client, target), containsSecret: false }));
  }
}
