/** GraphQL to the probe of servers. */
import { Arg, Ctx, Mutation, Resolver } from 'type-graphql';
import { asPayload, refuseInput } from '../graphql/input-refused.ts';
import { asAdmin, type AdminContext, type RequestContext } from '../request-context.ts';
import type { Probe } from './server-probe.service.ts';
import { ProbeServerInput, ProbeServerPayload, type ProbeResult } from './server-probe.types.ts';

@Resolver()
export class ServerProbeResolver {
  // It changes nothing of ours, and is a mutation all the same: it calls other machines and starts programs, which no link must be able to do.
  @Mutation(() => ProbeServerPayload, {
    description:
      'Looks at a server and says how it is reached, what it asks of callers and which tools it has. Needs SERVER_CREATE. A saved server needs SERVER_UPDATE in its place.',
  })
  probeServer(@Ctx() context: RequestContext, @Arg('input', () => ProbeServerInput) input: ProbeServerInput): Promise<ProbeServerPayload> {
    const admin = asAdmin(context);
    return asPayload(async () => ({ probe: resultOf(await look(admin, input)) }), { probe: null });
  }
}

/** The secrets of a saved server go where it is saved to be, and to no place that an input names. */
function look(context: AdminContext, { serverId, ...draft }: ProbeServerInput): Promise<Probe> {
  const { serverProbe } = context.services;
  if (serverId == null) {
    return serverProbe.probeDraft(context, {
      transport: draft.transport ?? undefined,
      endpointUrl: draft.endpointUrl ?? null,
      stdioCommand: draft.stdioCommand ?? null,
      stdioArgs: draft.stdioArgs ?? [],
      stdioEnv: draft.stdioEnv ?? [],
      auth: draft.auth ?? null,
      isPublic: draft.isPublic ?? false,
    });
  }
  if (Object.values(draft).some((given) => given != null))
    throw refuseInput(['serverId'], 'INVALID', 'a saved server is probed as it is saved', 'leave serverId out to probe a draft');
  return serverProbe.probeSaved(context, serverId);
}

function resultOf({ isReachable, transport, revision, serverInfo, authorisation, tools, steps, warnings }: Probe): ProbeResult {
  return {
    reachable: isReachable,
    transport,
    protocolVersion: revision,
    serverInfo,
    auth: authorisation.need,
    oauthMetadata: authorisation.metadata,
    tools,
    steps: steps.map(({ name, isOk, detail, millis }) => ({ name, ok: isOk, detail, durationMs: millis })),
    warnings,
  };
}
