/** GraphQL to the servers service. */
import { Arg, Ctx, ID, Mutation, Query, Resolver } from 'type-graphql';
import { SetWebSearchPolicyInput } from '../content/web-search.types.ts';
import { badInput } from '../graphql/errors.ts';
import { asPayload } from '../graphql/input-refused.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import type { McpServer } from './mcp-server.entity.ts';
import type { Aim } from './mcp-servers.service.ts';
import { McpServerType, ServerPayload } from './mcp-server.types.ts';
import { DeleteServerInput, DeleteServerPayload } from './server-removal.types.ts';
import { CreateServerInputType, UpdateServerInputType } from './server-inputs.types.ts';
import { toCreateInput, toUpdateInput } from './server-inputs.ts';
import { SetEnabledInput, SetPricingInput, SetSemanticFilterInput, SetServerAuthInput, SetToolRulesInput } from './setting-inputs.types.ts';

@Resolver()
export class McpServersResolver {
  @Query(() => McpServerType, { nullable: true, description: 'One server by id or slug; null when there is none.' })
  server(
    @Ctx() context: RequestContext,
    @Arg('id', () => ID, { nullable: true }) id: string | null,
    @Arg('slug', () => String, { nullable: true }) slug: string | null,
  ): Promise<McpServerType | null> {
    const admin = asAdmin(context);
    if (id != null) return context.services.mcpServers.find(admin, { id });
    if (slug != null) return context.services.mcpServers.find(admin, { slug });
    throw badInput('give an id or a slug');
  }

  @Mutation(() => ServerPayload, { description: 'Makes a server. Needs SERVER_CREATE.' })
  createServer(@Ctx() context: RequestContext, @Arg('input', () => CreateServerInputType) input: CreateServerInputType): Promise<ServerPayload> {
    const admin = asAdmin(context, 'SERVER_CREATE');
    return answer(() => context.services.mcpServers.create(admin, toCreateInput(input)));
  }

  @Mutation(() => ServerPayload, { description: 'Changes what is given of a server. Needs SERVER_UPDATE.' })
  updateServer(@Ctx() context: RequestContext, @Arg('input', () => UpdateServerInputType) input: UpdateServerInputType): Promise<ServerPayload> {
    const admin = asAdmin(context, 'SERVER_UPDATE');
    return answer(() => context.services.mcpServers.update(admin, toUpdateInput(input)));
  }

  @Mutation(() => DeleteServerPayload, {
    description: 'Removes a server with its grants, limits, policy, tools and mappings; records stay. A dry run tells what that breaks. Needs SERVER_DELETE.',
  })
  deleteServer(@Ctx() context: RequestContext, @Arg('input', () => DeleteServerInput) input: DeleteServerInput): Promise<DeleteServerPayload> {
    const admin = asAdmin(context, 'SERVER_DELETE');
    const aim = { ...aimOf(input), dryRun: input.dryRun };
    return asPayload(() => context.services.serverRemoval.delete(admin, aim), { deletedId: null, impact: null });
  }

  @Mutation(() => ServerPayload, { description: 'Switches a server on or off, from the next call on. Needs SERVER_UPDATE.' })
  setServerEnabled(@Ctx() context: RequestContext, @Arg('input', () => SetEnabledInput) input: SetEnabledInput): Promise<ServerPayload> {
    const admin = asAdmin(context, 'SERVER_UPDATE');
    return answer(() => context.services.mcpServers.setEnabled(admin, aimOf(input), input.enabled));
  }

  @Mutation(() => ServerPayload, { description: 'Sets how Turnpike signs in upstream; secrets are sealed at once. Needs SERVER_UPDATE.' })
  setServerAuth(@Ctx() context: RequestContext, @Arg('input', () => SetServerAuthInput) input: SetServerAuthInput): Promise<ServerPayload> {
    const admin = asAdmin(context, 'SERVER_UPDATE');
    return answer(() => context.services.mcpServers.setAuth(admin, aimOf(input), input.auth));
  }

  @Mutation(() => ServerPayload, { description: 'Sets which tools may be called. Needs TOOL_CONFIGURE.' })
  setToolRules(@Ctx() context: RequestContext, @Arg('input', () => SetToolRulesInput) input: SetToolRulesInput): Promise<ServerPayload> {
    const admin = asAdmin(context, 'TOOL_CONFIGURE');
    return answer(() => context.services.mcpServers.setToolRules(admin, { ...aimOf(input), dryRun: input.dryRun }, input));
  }

  @Mutation(() => ServerPayload, { description: 'Sets prices for calls from now on; records keep theirs. Needs SERVER_UPDATE.' })
  setPricing(@Ctx() context: RequestContext, @Arg('input', () => SetPricingInput) input: SetPricingInput): Promise<ServerPayload> {
    const admin = asAdmin(context, 'SERVER_UPDATE');
    return answer(() => context.services.mcpServers.setPricing(admin, aimAtServer(input), input.pricing));
  }

  @Mutation(() => ServerPayload, { description: 'Sets or removes the semantic filter. Needs TOOL_CONFIGURE.' })
  setSemanticFilter(@Ctx() context: RequestContext, @Arg('input', () => SetSemanticFilterInput) input: SetSemanticFilterInput): Promise<ServerPayload> {
    const admin = asAdmin(context, 'TOOL_CONFIGURE');
    return answer(() => context.services.mcpServers.setSemanticFilter(admin, { ...aimAtServer(input), dryRun: input.dryRun }, input.filter ?? null));
  }

  @Mutation(() => ServerPayload, { description: 'Makes a server one that searches the web, within this policy; null takes it away. Needs TOOL_CONFIGURE.' })
  setWebSearchPolicy(@Ctx() context: RequestContext, @Arg('input', () => SetWebSearchPolicyInput) input: SetWebSearchPolicyInput): Promise<ServerPayload> {
    const admin = asAdmin(context, 'TOOL_CONFIGURE');
    return answer(() => context.services.mcpServers.setWebSearchPolicy(admin, { ...aimAtServer(input), dryRun: input.dryRun }, input.policy ?? null));
  }
}

function answer(work: () => Promise<McpServer>): Promise<ServerPayload> {
  return asPayload(async () => ({ server: await work() }), { server: null });
}

function aimOf(input: { id: string; expectedVersion: number | null }): Aim {
  return { id: input.id, expectedVersion: input.expectedVersion ?? null };
}

function aimAtServer(input: { serverId: string; expectedVersion: number | null }): Aim {
  return { id: input.serverId, expectedVersion: input.expectedVersion ?? null, field: 'serverId' };
}
