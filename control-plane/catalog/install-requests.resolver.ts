/** GraphQL to the requests to install. */
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { Arg, Ctx, FieldResolver, Info, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import { PAGE_DEFAULT, readPage, type Connection } from '../graphql/connection.ts';
import { asPayload } from '../graphql/input-refused.ts';
import { ReferenceInput } from '../graphql/reference.types.ts';
import { UserType } from '../members/user.types.ts';
import { McpServerType } from '../mcp-servers/mcp-server.types.ts';
import { asAdmin, asUser, type RequestContext } from '../request-context.ts';
import { CatalogEntryType } from './catalog.types.ts';
import type { InstallRequest, InstallRequestState } from './install-request.entity.ts';
import { toTerms } from './install-terms.ts';
import {
  DecideInstallRequestInputType,
  INSTALL_REQUEST_STATE,
  InstallRequestConnection,
  InstallRequestPayload,
  InstallRequestType,
  RequestInstallInputType,
} from './install.types.ts';

@Resolver(() => InstallRequestType)
export class InstallRequestsResolver {
  @Query(() => InstallRequestConnection, { description: 'Requests to install, oldest first: one’s own, or all with CATALOG_INSTALL.' })
  installRequests(
    @Ctx() context: RequestContext,
    @Arg('first', () => Int, { defaultValue: PAGE_DEFAULT }) first: number,
    @Arg('after', () => String, { nullable: true }) after: string | null,
    @Arg('state', () => [INSTALL_REQUEST_STATE], { nullable: true }) state: InstallRequestState[] | null,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<InstallRequestType>> {
    return context.services.installRequests.list(asAdmin(context), state ?? null, readPage(first, after), info);
  }

  @Mutation(() => InstallRequestPayload, { description: 'Asks whoever may install for an entry. For whoever has signed in.' })
  requestInstall(@Ctx() context: RequestContext, @Arg('input', () => RequestInstallInputType) input: RequestInstallInputType): Promise<InstallRequestPayload> {
    const user = asUser(context);
    const asked = { entryId: input.entryId, reason: input.reason ?? null };
    return asPayload(async () => ({ request: await context.services.installRequests.request(user, asked) }), { request: null });
  }

  @Mutation(() => InstallRequestPayload, { description: 'Takes one’s own request back. For whoever has signed in.' })
  withdrawInstallRequest(@Ctx() context: RequestContext, @Arg('input', () => ReferenceInput) { id }: ReferenceInput): Promise<InstallRequestPayload> {
    const user = asUser(context);
    return asPayload(async () => ({ request: await context.services.installRequests.withdraw(user, id) }), { request: null });
  }

  @Mutation(() => InstallRequestPayload, { description: 'Installs what was asked for, or refuses it; once. Needs CATALOG_INSTALL.' })
  decideInstallRequest(
    @Ctx() context: RequestContext,
    @Arg('input', () => DecideInstallRequestInputType) input: DecideInstallRequestInputType,
  ): Promise<InstallRequestPayload> {
    const admin = asAdmin(context, 'CATALOG_INSTALL');
    const decision = { id: input.id, approve: input.approve, note: input.note ?? null, terms: toTerms(input.install ?? {}), dryRun: input.dryRun };
    return asPayload(async () => ({ request: await context.services.installRequests.decide(admin, decision) }), { request: null });
  }

  @FieldResolver(() => CatalogEntryType, { nullable: true, description: 'Null once the entry is gone.' })
  entry(@Root() { entryId }: InstallRequest, @Ctx() { loaders }: RequestContext): Promise<CatalogEntryType | null> {
    return loaders.catalogEntries.load(entryId);
  }

  @FieldResolver(() => UserType, { nullable: true, description: 'Who asked.' })
  requestedBy(@Root() { requestedById }: InstallRequest, @Ctx() { loaders }: RequestContext): Promise<UserType | null> {
    return loaders.users.load(requestedById);
  }

  @FieldResolver(() => UserType, { nullable: true, description: 'Who decided; null for a token.' })
  decidedBy(@Root() { decidedByKind, decidedById }: InstallRequest, @Ctx() { loaders }: RequestContext): Promise<UserType | null> {
    return decidedByKind === 'USER' && decidedById != null ? loaders.users.load(decidedById) : Promise.resolve(null);
  }

  @FieldResolver(() => McpServerType, { nullable: true, description: 'What was installed, as long as it is there.' })
  server(@Root() { mcpServerId }: InstallRequest, @Ctx() { loaders }: RequestContext): Promise<McpServerType | null> {
    return mcpServerId == null ? Promise.resolve(null) : loaders.mcpServers.load(mcpServerId);
  }
}
