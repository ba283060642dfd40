/** What a server, a key or an agent was used for, as fields of theirs. */
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { Arg, Ctx, FieldResolver, Info, Resolver, Root } from 'type-graphql';
import { AgentType } from '../agents/agent.types.ts';
import { ApiKeyType } from '../api-keys/api-key.types.ts';
import { selectsWithin } from '../graphql/connection.ts';
import { McpServerType } from '../mcp-servers/mcp-server.types.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import { LATENCY_FIELDS, UsageTotals } from './usage-analytics.types.ts';
import { DateTimeRange } from './usage-filter.types.ts';

@Resolver(() => McpServerType)
export class ServerUsageResolver {
  @FieldResolver(() => UsageTotals, { description: 'What it was used for in the range. Needs USAGE_READ.' })
  usage(
    @Root() { id }: McpServerType,
    @Arg('range', () => DateTimeRange) range: DateTimeRange,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<UsageTotals> {
    asAdmin(context, 'USAGE_READ');
    return context.loaders.usage.load({ group: 'SERVER', id, range, hasLatencies: selectsWithin(info, LATENCY_FIELDS) });
  }
}

@Resolver(() => ApiKeyType)
export class ApiKeyUsageResolver {
  @FieldResolver(() => UsageTotals, { description: 'What it was used for in the range. Needs USAGE_READ.' })
  usage(
    @Root() { id }: ApiKeyType,
    @Arg('range', () => DateTimeRange) range: DateTimeRange,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<UsageTotals> {
    asAdmin(context, 'USAGE_READ');
    return context.loaders.usage.load({ group: 'API_KEY', id, range, hasLatencies: selectsWithin(info, LATENCY_FIELDS) });
  }
}

@Resolver(() => AgentType)
export class AgentUsageResolver {
  @FieldResolver(() => UsageTotals, { description: 'What it was used for in the range. Needs USAGE_READ.' })
  usage(
    @Root() { id }: AgentType,
    @Arg('range', () => DateTimeRange) range: DateTimeRange,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<UsageTotals> {
    asAdmin(context, 'USAGE_READ');
    return context.loaders.usage.load({ group: 'AGENT', id, range, hasLatencies: selectsWithin(info, LATENCY_FIELDS) });
  }
}
