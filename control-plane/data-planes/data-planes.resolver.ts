/** GraphQL to what is known of the data planes. */
import { Arg, Ctx, FieldResolver, Mutation, Query, Resolver, Root } from 'type-graphql';
import { asPayload } from '../graphql/input-refused.ts';
import { BigIntString } from '../graphql/scalars.ts';
import { asAdmin, asDataPlane, type RequestContext } from '../request-context.ts';
import type { DataPlane } from './data-plane.entity.ts';
import { AcknowledgeConfigInput, DataPlaneHelloInput, DataPlanePayload, DataPlaneType } from './data-plane.types.ts';

@Resolver(() => DataPlaneType)
export class DataPlanesResolver {
  @Query(() => [DataPlaneType], { description: 'Gateway nodes that serve this organisation and were heard of within a day.' })
  dataPlanes(@Ctx() context: RequestContext): Promise<DataPlaneType[]> {
    const { caller } = asAdmin(context);
    return context.services.dataPlanes.list(context.em, caller.organisationId);
  }

  @Mutation(() => DataPlanePayload, { description: 'For data planes: registers a node, or says that it is still there.' })
  dataPlaneHello(@Ctx() context: RequestContext, @Arg('input', () => DataPlaneHelloInput) input: DataPlaneHelloInput): Promise<DataPlanePayload> {
    const caller = asDataPlane(context);
    return asPayload(async () => ({ dataPlane: await context.services.dataPlanes.hello(context.em, caller, { ...input, region: input.region ?? null }) }), {
      dataPlane: null,
    });
  }

  @Mutation(() => DataPlanePayload, { description: 'For data planes: says that a configuration is in force, or why it is not.' })
  acknowledgeConfig(@Ctx() context: RequestContext, @Arg('input', () => AcknowledgeConfigInput) input: AcknowledgeConfigInput): Promise<DataPlanePayload> {
    const caller = asDataPlane(context);
    const given = { ...input, refusedReason: input.refusedReason ?? null };
    return asPayload(async () => ({ dataPlane: await context.services.dataPlanes.acknowledge(context.em, caller, given) }), { dataPlane: null });
  }

  @FieldResolver(() => BigIntString, { description: 'How many versions it is behind.' })
  async configLag(@Root() dataPlane: DataPlane, @Ctx() context: RequestContext): Promise<string> {
    return context.services.dataPlanes.lagOf(dataPlane, await context.loaders.configVersion());
  }

  @FieldResolver(() => Boolean, { description: 'Whether it takes requests and was heard of lately.' })
  ready(@Root() dataPlane: DataPlane, @Ctx() context: RequestContext): boolean {
    return context.services.dataPlanes.isReady(dataPlane);
  }
}
