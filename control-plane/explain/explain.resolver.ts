/** GraphQL to explanations. */
import { Arg, Ctx, FieldResolver, Query, Resolver, Root } from 'type-graphql';
import { asPayload } from '../graphql/input-refused.ts';
import { effectivePolicy } from '../policies/effective-policy.ts';
import { EffectivePolicyType } from '../policies/effective-policy.types.ts';
import { asAdmin, type RequestContext } from '../request-context.ts';
import { toAccessExplanation } from './access-explanation.ts';
import { AccessExplanation, ExplainAccessInput, ExplainAccessPayload } from './explain.types.ts';

@Resolver()
export class ExplainResolver {
  @Query(() => ExplainAccessPayload, {
    description: 'What would become of a call, by which rule, step by step. Nothing is counted, recorded or sent to the server. Needs USAGE_READ.',
    complexity: ({ childComplexity }) => 20 + childComplexity,
  })
  explainAccess(@Ctx() context: RequestContext, @Arg('input', () => ExplainAccessInput) input: ExplainAccessInput): Promise<ExplainAccessPayload> {
    const admin = asAdmin(context, 'USAGE_READ');
    const { apiKeyId, serverId, rpcMethod } = input;
    const call = {
      rpcMethod,
      tool: input.tool ?? null,
      arguments: input.arguments ?? null,
      clientIp: input.clientIp ?? null,
      clientName: input.clientName ?? null,
      userAgent: input.userAgent ?? null,
      at: input.at ?? null,
      inputBytes: input.inputBytes ?? null,
    };
    const aim = { apiKeyId, serverId };
    return asPayload(async () => ({ explanation: toAccessExplanation(await admin.services.explain.explain(admin, aim, call), aim) }), { explanation: null });
  }
}

@Resolver(() => AccessExplanation)
export class AccessExplanationFieldsResolver {
  @FieldResolver(() => EffectivePolicyType, {
    nullable: true,
    description: 'What governs the key at the server, as the configuration has it now; null when either has been taken away meanwhile.',
  })
  effectivePolicy(@Root() { aim }: AccessExplanation, @Ctx() context: RequestContext): Promise<EffectivePolicyType | null> {
    return effectivePolicy(asAdmin(context), aim.apiKeyId, aim.serverId);
  }
}
