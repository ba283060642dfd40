/** GraphQL to summed usage: series over time, facets, and the graph of who calls what. */
import type { GraphQLResolveInfo } from 'graphql/index.js';
import { Arg, Args, ArgsType, Ctx, Field, Info, Int, Query, Resolver } from 'type-graphql';
import { selectsWithin } from '../graphql/connection.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import {
  LATENCY_FIELDS,
  TIME_GRANULARITY,
  USAGE_GROUP_BY,
  USAGE_METRIC,
  UsageAnalytics,
  UsageFacet,
  WorkflowGraph,
  type UsageMetric,
} from './usage-analytics.types.ts';
import type { Granularity } from './usage-buckets.ts';
import type { UsageGroup } from './usage-groups.ts';
import { UsageFilterInput } from './usage-filter.types.ts';

@ArgsType()
class UsageAnalyticsArgs {
  @Field(() => UsageFilterInput)
  filter!: UsageFilterInput;

  @Field(() => [USAGE_METRIC])
  metrics!: UsageMetric[];

  @Field(() => USAGE_GROUP_BY, { nullable: true })
  groupBy!: UsageGroup | null;

  @Field(() => TIME_GRANULARITY, { nullable: true })
  granularity!: Granularity | null;

  @Field(() => Int, { defaultValue: 10 })
  top!: number;
}

@Resolver()
export class UsageAnalyticsResolver {
  @Query(() => UsageAnalytics, {
    description: 'Usage over time, by group when asked, in buckets that the range chooses unless `granularity` does. Needs USAGE_READ.',
  })
  usageAnalytics(
    @Ctx() context: RequestContext,
    @Args(() => UsageAnalyticsArgs) { filter, metrics, groupBy, granularity, top }: UsageAnalyticsArgs,
    @Info() info: GraphQLResolveInfo,
  ): Promise<UsageAnalytics> {
    const admin = asAdmin(context, 'USAGE_READ');
    const hasLatencies = selectsWithin(info, LATENCY_FIELDS);
    return context.services.usageAnalytics.analyse(admin, {
      filter,
      metrics,
      groupBy: groupBy ?? null,
      granularity: granularity ?? null,
      top,
      hasLatencies,
    });
  }

  @Query(() => [UsageFacet], { description: 'What each field of the filter can be set to, with the number of requests. Needs USAGE_READ.' })
  usageFacets(
    @Ctx() context: RequestContext,
    @Arg('filter', () => UsageFilterInput) filter: UsageFilterInput,
    @Arg('fields', () => [USAGE_GROUP_BY]) fields: UsageGroup[],
  ): Promise<UsageFacet[]> {
    return context.services.usageFacets.facets(asAdmin(context, 'USAGE_READ'), filter, fields);
  }

  @Query(() => WorkflowGraph, {
    description:
      'Who calls what: agent to server to tool unless other levels are named. The name of the client stands for the agent until there are agents. Needs USAGE_READ.',
  })
  workflowGraph(
    @Ctx() context: RequestContext,
    @Arg('filter', () => UsageFilterInput) filter: UsageFilterInput,
    @Arg('levels', () => [USAGE_GROUP_BY], { defaultValue: ['AGENT', 'SERVER', 'TOOL'] }) levels: UsageGroup[],
    @Arg('maxEdges', () => Int, { defaultValue: 200 }) maxEdges: number,
    @Info() info: GraphQLResolveInfo,
  ): Promise<WorkflowGraph> {
    const hasLatencies = selectsWithin(info, LATENCY_FIELDS);
    return context.services.workflowGraph.graph(asAdmin(context, 'USAGE_READ'), { filter, levels, maxEdges, hasLatencies });
  }
}
