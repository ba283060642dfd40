/** GraphQL to the catalogue. */
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { Arg, Args, ArgsType, Ctx, Field, FieldResolver, Info, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import { IdInput } from '../api-keys/api-key.types.ts';
import { PAGE_DEFAULT, readPage, type Connection } from '../graphql/connection.ts';
import { asPayload } from '../graphql/input-refused.ts';
import { Json } from '../graphql/scalars.ts';
import { McpServerType, ServerPayload, TRANSPORT } from '../mcp-servers/mcp-server.types.ts';
import { DeletePayload } from '../money/limit.types.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import { transportOf, type CatalogEntry } from './catalog-entry.ts';
import { WHOLE_CATALOGUE } from './catalog-filter.ts';
import { toChanges, toDocument } from './catalog-inputs.ts';
import { CreateCatalogEntryInput, UpdateCatalogEntryInput } from './catalog-inputs.types.ts';
import { CatalogEntryConnection, CatalogEntryPayload, CatalogEntryType } from './catalog.types.ts';
import { toTerms } from './install-terms.ts';
import { InstallCatalogEntryInputType } from './install.types.ts';
import { publishedName } from './published-name.ts';
import { toServerJson } from './server-json.ts';

@ArgsType()
class CatalogArgs {
  @Field(() => Int, { defaultValue: PAGE_DEFAULT })
  first!: number;

  @Field(() => String, { nullable: true })
  after!: string | null;

  @Field(() => String, { nullable: true })
  search!: string | null;

  @Field(() => [String], { nullable: true })
  category!: string[] | null;
}

@Resolver(() => CatalogEntryType)
export class CatalogResolver {
  @Query(() => CatalogEntryConnection, { description: 'The catalogue in the order of slugs: the trusted entries and the organisation’s own.' })
  catalog(
    @Ctx() context: RequestContext,
    @Args(() => CatalogArgs) { first, after, search, category }: CatalogArgs,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<CatalogEntryType>> {
    const filter = { ...WHOLE_CATALOGUE, search: search ?? null, categories: category ?? null };
    return context.services.catalog.list(asAdmin(context), filter, readPage(first, after), info);
  }

  @Mutation(() => CatalogEntryPayload, { description: 'Makes an entry of the organisation’s own. Needs CATALOG_MANAGE.' })
  createCatalogEntry(
    @Ctx() context: RequestContext,
    @Arg('input', () => CreateCatalogEntryInput) input: CreateCatalogEntryInput,
  ): Promise<CatalogEntryPayload> {
    const admin = asAdmin(context, 'CATALOG_MANAGE');
    return asPayload(async () => ({ entry: await context.services.catalog.create(admin, toDocument(input), input) }), { entry: null });
  }

  @Mutation(() => CatalogEntryPayload, { description: 'Changes an entry of the organisation’s own. Needs CATALOG_MANAGE.' })
  updateCatalogEntry(
    @Ctx() context: RequestContext,
    @Arg('input', () => UpdateCatalogEntryInput) input: UpdateCatalogEntryInput,
  ): Promise<CatalogEntryPayload> {
    const admin = asAdmin(context, 'CATALOG_MANAGE');
    const aim = { id: input.id, expectedVersion: input.expectedVersion ?? null, dryRun: input.dryRun };
    return asPayload(async () => ({ entry: await context.services.catalog.update(admin, aim, toChanges(input)) }), { entry: null });
  }

  @Mutation(() => DeletePayload, { description: 'Takes an entry of the organisation’s own away; what was installed from it stays. Needs CATALOG_MANAGE.' })
  deleteCatalogEntry(@Ctx() context: RequestContext, @Arg('input', () => IdInput) input: IdInput): Promise<DeletePayload> {
    const admin = asAdmin(context, 'CATALOG_MANAGE');
    const aim = { id: input.id, expectedVersion: input.expectedVersion ?? null, dryRun: false };
    return asPayload(async () => ({ deletedId: await context.services.catalog.delete(admin, aim) }), { deletedId: null });
  }

  @Mutation(() => ServerPayload, { description: 'Makes a server of an entry. Needs CATALOG_INSTALL.' })
  installCatalogEntry(
    @Ctx() context: RequestContext,
    @Arg('input', () => InstallCatalogEntryInputType) input: InstallCatalogEntryInputType,
  ): Promise<ServerPayload> {
    const admin = asAdmin(context, 'CATALOG_INSTALL');
    const terms = { ...toTerms(input), dryRun: input.dryRun };
    return asPayload(async () => ({ server: await context.services.catalogInstalls.install(admin, input.entryId, terms) }), { server: null });
  }

  @FieldResolver(() => Boolean, { description: 'It comes with the product; any other is the organisation’s own.' })
  verified(@Root() { isTrusted }: CatalogEntry): boolean {
    return isTrusted;
  }

  @FieldResolver(() => String, { description: 'The version of the package, or of the entry where a server is reached over HTTP.' })
  version(@Root() { serverVersion }: CatalogEntry): string {
    return serverVersion;
  }

  @FieldResolver(() => [TRANSPORT], { description: 'How the server is reached.' })
  transports(@Root() entry: CatalogEntry): (keyof typeof TRANSPORT)[] {
    return [transportOf(entry)];
  }

  @FieldResolver(() => McpServerType, { nullable: true, description: 'The first server that was installed from it and is still there.' })
  installed(@Root() { id }: CatalogEntry, @Ctx() { loaders }: RequestContext): Promise<McpServerType | null> {
    return loaders.installedServers.load(id);
  }

  @FieldResolver(() => String, { description: 'Under which `/v0.1/servers` lists it.' })
  registryName(@Root() entry: CatalogEntry): string {
    return publishedName(entry);
  }

  @FieldResolver(() => Json, { description: 'As `server.json` of the registry has it.' })
  raw(@Root() entry: CatalogEntry): unknown {
    return toServerJson(entry);
  }
}
