/** GraphQL to the services of agents. */
import { Arg, Args, ArgsType, Ctx, Field, ID, Int, Mutation, Query, Resolver } from 'type-graphql';
import { PAGE_DEFAULT, readPage, type Connection } from '../graphql/connection.ts';
import { asPayload } from '../graphql/input-refused.ts';
import { DeletePayload } from '../money/limit.types.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import type { AgentClientInput } from './agent-clients.ts';
import {
  AGENT_KIND,
  AgentConnection,
  AgentPayload,
  AgentType,
  CreateAgentInputType,
  DeleteAgentInputType,
  UnmappedClientConnection,
  UpdateAgentInputType,
  type AgentClientInputType,
} from './agent.types.ts';
import type { UnmappedClient } from './unmapped-clients.service.ts';

@ArgsType()
class AgentsArgs {
  @Field(() => Int, { defaultValue: PAGE_DEFAULT })
  first!: number;

  @Field(() => String, { nullable: true })
  after!: string | null;

  @Field(() => AGENT_KIND, { nullable: true })
  kind!: keyof typeof AGENT_KIND | null;

  @Field(() => String, { nullable: true })
  search!: string | null;
}

@Resolver(() => AgentType)
export class AgentsResolver {
  @Query(() => AgentConnection, { description: 'Agents: those that come with the product first, then the organisation’s own, oldest first.' })
  agents(@Ctx() context: RequestContext, @Args(() => AgentsArgs) { first, after, kind, search }: AgentsArgs): Promise<Connection<AgentType>> {
    return context.services.agents.list(asAdmin(context), { kind: kind ?? null, search: search ?? null }, readPage(first, after));
  }

  @Query(() => AgentType, { nullable: true, description: 'One agent; null when there is none of that id.' })
  agent(@Ctx() context: RequestContext, @Arg('id', () => ID) id: string): Promise<AgentType | null> {
    return context.services.agents.find(asAdmin(context), id);
  }

  @Query(() => UnmappedClientConnection, {
    description: 'Clients of the last 30 days that count as no agent, those first that were seen last. Needs USAGE_READ.',
  })
  unmappedClients(
    @Ctx() context: RequestContext,
    @Arg('first', () => Int, { defaultValue: PAGE_DEFAULT }) first: number,
    @Arg('after', () => String, { nullable: true }) after: string | null,
  ): Promise<Connection<UnmappedClient>> {
    return context.services.unmappedClients.list(asAdmin(context, 'USAGE_READ'), readPage(first, after));
  }

  @Mutation(() => AgentPayload, { description: 'Makes an agent of the organisation’s own, in force from the next call on. Needs AGENT_CONFIGURE.' })
  createAgent(@Ctx() context: RequestContext, @Arg('input', () => CreateAgentInputType) input: CreateAgentInputType): Promise<AgentPayload> {
    const admin = asAdmin(context, 'AGENT_CONFIGURE');
    const given = { ...input, slug: input.slug ?? null, clients: (input.clients ?? []).map(toClient) };
    return asPayload(async () => ({ agent: await context.services.agents.create(admin, given) }), { agent: null });
  }

  @Mutation(() => AgentPayload, { description: 'Changes or maps an agent, in force from the next call on. Needs AGENT_CONFIGURE.' })
  updateAgent(@Ctx() context: RequestContext, @Arg('input', () => UpdateAgentInputType) input: UpdateAgentInputType): Promise<AgentPayload> {
    const admin = asAdmin(context, 'AGENT_CONFIGURE');
    const given = {
      id: input.id,
      name: input.name ?? undefined,
      mode: input.mode ?? undefined,
      clients: input.clients?.map(toClient),
      expectedVersion: input.expectedVersion ?? null,
      dryRun: input.dryRun,
    };
    return asPayload(async () => ({ agent: await context.services.agents.update(admin, given) }), { agent: null });
  }

  @Mutation(() => DeletePayload, { description: 'Takes an agent of the organisation’s own away, from the next call on. Needs AGENT_CONFIGURE.' })
  deleteAgent(@Ctx() context: RequestContext, @Arg('input', () => DeleteAgentInputType) input: DeleteAgentInputType): Promise<DeletePayload> {
    const admin = asAdmin(context, 'AGENT_CONFIGURE');
    const given = { ...input, expectedVersion: input.expectedVersion ?? null };
    return asPayload(async () => ({ deletedId: await context.services.agents.delete(admin, given) }), { deletedId: null });
  }
}

function toClient({ id, name, clientNamePattern, versionRange, allowedServerIds }: AgentClientInputType): AgentClientInput {
  return { id: id ?? null, name, clientNamePattern: clientNamePattern ?? null, versionRange: versionRange ?? null, allowedServerIds };
}
