/** The fields of agents and clients that stand elsewhere: servers, keys, and what traffic has shown. */
import { Ctx, FieldResolver, Resolver, Root } from 'type-graphql';
import { ApiKeyType } from '../api-keys/api-key.types.ts';
import type { ApiKey } from '../api-keys/api-key.entity.ts';
import { loadPresent } from '../graphql/loaders.ts';
import { BigIntString, DateTime } from '../graphql/scalars.ts';
import { McpServerType } from '../mcp-servers/mcp-server.types.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import { UsageRecordType } from '../usage/usage.types.ts';
import type { StoredAgentClient } from './agent.entity.ts';
import { AgentClientType, AgentType, UnmappedClientType } from './agent.types.ts';
import { knownNamesOf, type Agent } from './agents.ts';
import type { UnmappedClient } from './unmapped-clients.service.ts';

@Resolver(() => AgentType)
export class AgentFieldsResolver {
  @FieldResolver(() => [String], { description: 'Patterns of the names by which the clients of a predefined agent are known.' })
  knownClientNames(@Root() agent: Agent): readonly string[] {
    return knownNamesOf(agent).clientNames;
  }
}

@Resolver(() => AgentClientType)
export class AgentClientFieldsResolver {
  @FieldResolver(() => [McpServerType], { description: 'The servers that it may call, where a key is granted them.' })
  allowedServers(@Root() { allowedServerIds }: StoredAgentClient, @Ctx() { loaders }: RequestContext): Promise<McpServerType[]> {
    return loadPresent(loaders.mcpServers, allowedServerIds);
  }

  @FieldResolver(() => DateTime, { nullable: true, description: 'Its last recorded request. Needs USAGE_READ.' })
  lastSeenAt(@Root() { id }: StoredAgentClient, @Ctx() context: RequestContext): Promise<Date | null> {
    asAdmin(context, 'USAGE_READ');
    return context.loaders.clientsSeen.load(id);
  }

  @FieldResolver(() => BigIntString, { description: 'Its requests in the last 24 hours. Needs USAGE_READ.' })
  async callCount24h(@Root() { id }: StoredAgentClient, @Ctx() context: RequestContext): Promise<string> {
    asAdmin(context, 'USAGE_READ');
    return (await context.loaders.clientUsage.load(id)).calls;
  }
}

@Resolver(() => UnmappedClientType)
export class UnmappedClientFieldsResolver {
  @FieldResolver(() => [ApiKeyType], { description: 'Keys that it came with, at most twenty.' })
  apiKeys(@Root() { apiKeyIds }: UnmappedClient, @Ctx() { loaders }: RequestContext): Promise<ApiKeyType[]> {
    return loadPresent(loaders.apiKeys, apiKeyIds);
  }
}

@Resolver(() => ApiKeyType)
export class ApiKeyAgentResolver {
  @FieldResolver(() => AgentType, {
    nullable: true,
    description: 'The agent that it is bound to: it may call that agent’s servers only, whatever its client says of itself.',
  })
  agent(@Root() { agentId }: ApiKey, @Ctx() { loaders }: RequestContext): Promise<AgentType | null> {
    return agentId == null ? Promise.resolve(null) : loaders.agents.load(agentId);
  }
}

@Resolver(() => UsageRecordType)
export class UsageRecordAgentResolver {
  @FieldResolver(() => AgentType, { nullable: true, description: 'The agent, as it is called now; null for none, and for one that is gone.' })
  agent(@Root() { agentId }: UsageRecordType, @Ctx() { loaders }: RequestContext): Promise<AgentType | null> {
    return agentId === null ? Promise.resolve(null) : loaders.agents.load(agentId);
  }
}
