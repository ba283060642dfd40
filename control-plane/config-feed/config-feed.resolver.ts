/** GraphQL to the configuration feed. */
import { Arg, Ctx, ID, Resolver, Root, Subscription } from 'type-graphql';
import { asDataPlane, type RequestContext } from '../request-context.ts';
import { forbidden } from '../graphql/errors.ts';
import { BigIntString } from '../graphql/scalars.ts';
import { endingWith } from '../graphql/ending-with.ts';
import { ConfigFrameType } from './config-frame.types.ts';

@Resolver()
export class ConfigFeedResolver {
  @Subscription(() => ConfigFrameType, {
    description: 'For data planes: the configuration, whole or from a version on, and every change as it is committed.',
    subscribe: async ({ context, args }: { context: RequestContext; args: { dataPlaneId?: string; sinceVersion?: string | null } }) => {
      const caller = asDataPlane(context);
      const dataPlane = await context.services.dataPlanes.find(context.em, caller, args.dataPlaneId ?? '');
      if (dataPlane === null) throw forbidden('data plane');
      return endingWith((signal) => context.services.configFeed.follow(caller, args.sinceVersion ?? null, signal));
    },
  })
  dataPlaneConfig(
    @Root() frame: ConfigFrameType,
    @Ctx() _context: RequestContext,
    @Arg('dataPlaneId', () => ID) _dataPlaneId: string,
    @Arg('sinceVersion', () => BigIntString, { nullable: true }) _sinceVersion: string | null,
  ): ConfigFrameType {
    return frame;
  }
}
