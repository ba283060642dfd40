/** GraphQL to the services of tools. */
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { Arg, Args, ArgsType, Ctx, Field, ID, Info, Int, Mutation, Query, Resolver } from 'type-graphql';
import { IdInput } from '../api-keys/api-key.types.ts';
import { PAGE_DEFAULT, readPage, type Connection } from '../graphql/connection.ts';
import { asPayload } from '../graphql/input-refused.ts';
import { ServerPayload } from '../mcp-servers/mcp-server.types.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import { AcceptToolChangesInput, SetToolReviewInput, SetToolRiskInput, SetToolsEnabledInput, ToolFilterType } from './tool-inputs.types.ts';
import { AcceptToolChangesPayload, ToolConnection, ToolsPayload, type ToolType } from './tool.types.ts';

@ArgsType()
class ToolsArgs {
  @Field(() => ID)
  serverId!: string;

  @Field(() => ToolFilterType, { nullable: true })
  filter!: ToolFilterType | null;

  @Field(() => Int, { defaultValue: PAGE_DEFAULT })
  first!: number;

  @Field(() => String, { nullable: true })
  after!: string | null;
}

const NOTHING = { server: null, tools: [] };

@Resolver()
export class ToolsResolver {
  @Query(() => ToolConnection, { description: 'Tools that discovery has seen on a server, those first that were seen first.' })
  tools(@Ctx() context: RequestContext, @Args(() => ToolsArgs) args: ToolsArgs, @Info() info: GraphQLResolveInfo): Promise<Connection<ToolType>> {
    const { search, state, risk, enabled } = args.filter ?? {};
    const filter = { serverId: args.serverId, search: search ?? null, state: state ?? null, risk: risk ?? null, enabled: enabled ?? null };
    return context.services.tools.list(asAdmin(context), filter, readPage(args.first, args.after), info);
  }

  @Mutation(() => ServerPayload, { description: 'Reads the list of a server’s tools and keeps it. Needs TOOL_CONFIGURE.' })
  discoverTools(@Ctx() context: RequestContext, @Arg('input', () => IdInput) input: IdInput): Promise<ServerPayload> {
    const admin = asAdmin(context, 'TOOL_CONFIGURE');
    const asker = { actor: admin, isPerson: true };
    const aim = { id: input.id, expectedVersion: input.expectedVersion ?? null };
    return asPayload(async () => ({ server: await context.services.discovery.discover(admin.em, asker, aim) }), { server: null });
  }

  @Mutation(() => ServerPayload, { description: 'Sets how a server’s tools are reviewed and discovered. Needs TOOL_CONFIGURE.' })
  setToolReview(@Ctx() context: RequestContext, @Arg('input', () => SetToolReviewInput) input: SetToolReviewInput): Promise<ServerPayload> {
    const admin = asAdmin(context, 'TOOL_CONFIGURE');
    const changes = {
      ...(input.review == null ? {} : { review: input.review }),
      ...(input.changeMode == null ? {} : { changeMode: input.changeMode }),
      ...(input.discoveryMinutes === undefined ? {} : { discoveryMinutes: input.discoveryMinutes }),
    };
    const aim = { id: input.id, expectedVersion: input.expectedVersion ?? null };
    return asPayload(async () => ({ server: await context.services.mcpServers.setToolReview(admin, aim, changes) }), { server: null });
  }

  @Mutation(() => ToolsPayload, { description: 'Switches tools on or off, from the next call on. Needs TOOL_CONFIGURE.' })
  setToolsEnabled(@Ctx() context: RequestContext, @Arg('input', () => SetToolsEnabledInput) input: SetToolsEnabledInput): Promise<ToolsPayload> {
    const admin = asAdmin(context, 'TOOL_CONFIGURE');
    return asPayload(() => context.services.tools.setEnabled(admin, input, input.enabled), NOTHING);
  }

  @Mutation(() => ToolsPayload, { description: 'Corrects the class of tools. Needs TOOL_CONFIGURE.' })
  setToolRisk(@Ctx() context: RequestContext, @Arg('input', () => SetToolRiskInput) input: SetToolRiskInput): Promise<ToolsPayload> {
    const admin = asAdmin(context, 'TOOL_CONFIGURE');
    return asPayload(() => context.services.tools.setRisk(admin, input, input.risk ?? null), NOTHING);
  }

  @Mutation(() => AcceptToolChangesPayload, {
    description: 'Approves new or changed tools as they were seen; they may be called from then on. A dry run shows the differences. Needs TOOL_CONFIGURE.',
  })
  acceptToolChanges(
    @Ctx() context: RequestContext,
    @Arg('input', () => AcceptToolChangesInput) input: AcceptToolChangesInput,
  ): Promise<AcceptToolChangesPayload> {
    const admin = asAdmin(context, 'TOOL_CONFIGURE');
    return asPayload(() => context.services.tools.accept(admin, input, input.fingerprints), { ...NOTHING, accepted: [] });
  }
}
