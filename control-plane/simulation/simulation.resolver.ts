/** GraphQL to simulations. */
import { Arg, Ctx, Query, Resolver } from 'type-graphql';
import { asPayload } from '../graphql/input-refused.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import type { DraftInput } from './draft-reader.ts';
import { SimulatePolicyInput, type DraftRuleInput } from './simulation-inputs.types.ts';
import type { Simulation } from './simulation.service.ts';
import { SimulatePolicyPayload, type PolicySimulation } from './simulation.types.ts';

@Resolver()
export class SimulationResolver {
  @Query(() => SimulatePolicyPayload, {
    description: 'Tries a rule on recorded traffic: which calls would have ended otherwise, and whose. Nothing is changed. Needs USAGE_READ.',
    complexity: ({ childComplexity }) => 200 + childComplexity,
  })
  simulatePolicy(@Ctx() context: RequestContext, @Arg('input', () => SimulatePolicyInput) input: SimulatePolicyInput): Promise<SimulatePolicyPayload> {
    const admin = asAdmin(context, 'USAGE_READ');
    const { days, callsMax } = input;
    return asPayload(
      async () => ({ simulation: toSimulation(await admin.services.simulation.simulate(admin, { draft: draftOf(input.draft), days, callsMax })) }),
      {
        simulation: null,
      },
    );
  }
}

/** The schema lets exactly one through. */
function draftOf({ policy, toolRules, semanticFilter, removedGrants, limit }: DraftRuleInput): DraftInput {
  return {
    policy: policy == null ? null : { scope: policy.scope, ownerId: policy.ownerId ?? null, policies: policy.policies },
    toolRules,
    semanticFilter,
    removedGrants,
    limit:
      limit == null
        ? null
        : {
            id: limit.id ?? null,
            owner: { type: limit.ownerType, id: limit.ownerId ?? null },
            serverId: limit.serverId ?? null,
            tool: limit.tool ?? null,
            metric: limit.metric ?? null,
            limitUsd: limit.limitUsd ?? null,
            limit: limit.limit ?? null,
            schedule: limit.schedule ?? null,
          },
  };
}

function toSimulation({ unknown, isCut, shares, examples, ...same }: Simulation): PolicySimulation {
  return {
    ...same,
    unjudged: unknown,
    truncated: isCut,
    whose: shares,
    examples: examples.map(({ call, before, after, path }) => ({
      recordId: call.id,
      requestId: call.request_id,
      occurredAt: call.occurred_at,
      apiKeyPrefix: call.api_key_prefix,
      serverSlug: call.server_slug,
      tool: call.tool,
      before,
      after,
      path,
    })),
  };
}
