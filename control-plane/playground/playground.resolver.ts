/** GraphQL to the playground. */
import { Arg, Ctx, Mutation, Resolver } from 'type-graphql';
import { toAccessExplanation } from '../explain/access-explanation.ts';
import { asPayload } from '../graphql/input-refused.ts';
import { asAdmin, type AdminContext, type RequestContext } from '../request-context.ts';
import { toUsageRecord } from '../usage/usage-record.ts';
import { CallToolInput, CallToolPayload } from './playground.types.ts';

const NO_CALL = { requestId: null, status: null, result: null, error: null, record: null, explanation: null };

@Resolver()
export class PlaygroundResolver {
  @Mutation(() => CallToolPayload, {
    description:
      'Calls a tool through a gateway node, in the name of a key and by all of its rules, and answers what the key’s holder would read. Needs PLAYGROUND_CALL.',
  })
  callTool(@Ctx() context: RequestContext, @Arg('input', () => CallToolInput) input: CallToolInput): Promise<CallToolPayload> {
    const admin = asAdmin(context, 'PLAYGROUND_CALL');
    return asPayload(() => call(admin, input), NO_CALL);
  }
}

async function call(
  admin: AdminContext,
  { serverId, tool, arguments: given, asApiKeyId: apiKeyId }: CallToolInput,
): Promise<Omit<CallToolPayload, 'userErrors'>> {
  const { playground } = admin.services;
  const { explanation, ...answer } = await playground.call(admin, { serverId, tool, arguments: given ?? {}, apiKeyId });
  const record = await playground.recordOf(admin, answer.requestId);
  return {
    ...answer,
    record: record === null ? null : toUsageRecord(record),
    explanation: admin.caller.permissions.has('USAGE_READ') ? toAccessExplanation(explanation, { apiKeyId, serverId }) : null,
  };
}
