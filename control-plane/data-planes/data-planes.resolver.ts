/** GraphQL to what is known of the data planes. */
import { Arg, Ctx, FieldResolver, Mutation, Query, Resolver, Root, Subscription } from 'type-graphql';
import { endingWith } from '../graphql/ending-with.ts';
import { asPayload } from '../graphql/input-refused.ts';
import { BigIntString } from '../graphql/scalars.ts';
import { asAdmin, asDataPlane, type AdminContext, type RequestContext } from '../request-context.ts';
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
  async configLag(@Root() dataPlane: DataPlane, @Ctx() { services, loaders }: RequestContext): Promise<string> {
    return services.dataPlanes.lagOf(dataPlane, await loaders.configVersion.load('current'));
  }

  @Subscription(() => DataPlaneType, {
    description:
      'Nodes that serve this organisation, as they come, take leave, fall silent, or have another configuration. Whoever comes back lists them again.',
    subscribe: ({ context }: { context: RequestContext }) => {
      const admin = asAdmin(context);
      return endingWith((signal) => changedNodes(admin, signal));
    },
  })
  dataPlaneChanged(@Root() dataPlane: DataPlane): DataPlaneType {
    return dataPlane;
  }

  @FieldResolver(() => Boolean, { description: 'Whether it takes requests and was heard of lately.' })
  ready(@Root() dataPlane: DataPlane, @Ctx() context: RequestContext): boolean {
    return context.services.dataPlanes.isReady(dataPlane);
  }
}

async function* changedNodes({ services, loaders, em, caller }: AdminContext, signal: AbortSignal): AsyncGenerator<DataPlane> {
  for await (const dataPlane of services.dataPlaneLive.follow(em, caller.organisationId, signal)) {
    // What was loaded for an earlier event is out of date.
    loaders.configVersion.clearAll();
    yield dataPlane;
  }
}
