/** GraphQL to the renewal of tokens, for data planes. */
import { Arg, Ctx, Mutation, Resolver } from 'type-graphql';
import { asPayload } from '../graphql/input-refused.ts';
import { asDataPlane, type RequestContext } from '../request-context.ts';
import { RenewUpstreamTokenInput, RenewUpstreamTokenPayload } from './upstream-connection.types.ts';

@Resolver()
export class UpstreamTokensResolver {
  @Mutation(() => RenewUpstreamTokenPayload, { description: 'For data planes: says that a token does not serve any more, and sees to the next one.' })
  renewUpstreamToken(
    @Ctx() context: RequestContext,
    @Arg('input', () => RenewUpstreamTokenInput) input: RenewUpstreamTokenInput,
  ): Promise<RenewUpstreamTokenPayload> {
    const caller = asDataPlane(context);
    return asPayload(
      () => context.services.upstreamConnections.renew(caller, { serverId: input.serverId, userId: input.userId ?? null, token: input.token ?? null }),
      { state: null, token: null },
    );
  }
}
