/** GraphQL to the health of servers: its fields, what nodes report, and each change as it happens. */
import { Arg, Ctx, FieldResolver, ID, Mutation, Resolver, Root, Subscription } from 'type-graphql';
import { acrossOrganisations } from '../database/roles.ts';
import { endingWith } from '../graphql/ending-with.ts';
import { asPayload } from '../graphql/input-refused.ts';
import { DateTime, JsonObject } from '../graphql/scalars.ts';
import type { McpServer } from '../mcp-servers/mcp-server.entity.ts';
import { McpServerType } from '../mcp-servers/mcp-server.types.ts';
import { asAdmin, asDataPlane, type AdminContext, type RequestContext } from '../request-context.ts';
import { shownHealth, type ServerHealth, type ShownHealth } from './server-health.ts';
import { ReportServersInput, ReportServersPayload, SERVER_HEALTH } from './server-health.types.ts';

@Resolver(() => McpServerType)
export class ServerHealthResolver {
  @FieldResolver(() => SERVER_HEALTH, { description: 'How it was when it was last called or looked at.' })
  async health(@Root() server: McpServer, @Ctx() context: RequestContext): Promise<ServerHealth> {
    return (await healthOf(server, context)).health;
  }

  @FieldResolver(() => String, { nullable: true, description: 'What went wrong then.' })
  async healthDetail(@Root() server: McpServer, @Ctx() context: RequestContext): Promise<string | null> {
    return (await healthOf(server, context)).detail;
  }

  @FieldResolver(() => DateTime, { nullable: true, description: 'When the control plane last looked at it, whatever came of it.' })
  async lastProbedAt(@Root() server: McpServer, @Ctx() context: RequestContext): Promise<Date | null> {
    return (await healthOf(server, context)).lastProbedAt;
  }

  @FieldResolver(() => String, { nullable: true, description: 'The revision of MCP that it spoke then.' })
  async protocolVersion(@Root() server: McpServer, @Ctx() context: RequestContext): Promise<string | null> {
    return (await healthOf(server, context)).protocolVersion;
  }

  @FieldResolver(() => JsonObject, { nullable: true, description: 'What it said of itself then.' })
  async serverInfo(@Root() server: McpServer, @Ctx() context: RequestContext): Promise<Record<string, unknown> | null> {
    return (await healthOf(server, context)).serverInfo;
  }

  @Mutation(() => ReportServersPayload, {
    description: 'For data planes: says what a node noticed of the servers that it serves, thirty times a minute at most.',
  })
  reportServers(
    @Ctx() context: RequestContext,
    @Arg('input', () => ReportServersInput) { dataPlaneId, reports }: ReportServersInput,
  ): Promise<ReportServersPayload> {
    const caller = asDataPlane(context);
    const given = { dataPlaneId, reports: reports.map((report) => ({ ...report, health: report.health ?? null, detail: report.detail ?? null })) };
    return asPayload(async () => ({ heard: await context.services.serverHealth.report(acrossOrganisations(context.em), caller, given) }), { heard: null });
  }

  @Subscription(() => McpServerType, {
    description: 'Servers as their health changes; of one, or of all. Whoever comes back reads them again.',
    subscribe: ({ context, args }: { context: RequestContext; args: { serverId?: string | null } }) => {
      const admin = asAdmin(context);
      return endingWith((signal) => changedServers(admin, args.serverId ?? null, signal));
    },
  })
  serverHealthChanged(@Root() server: McpServer, @Arg('serverId', () => ID, { nullable: true }) _serverId: string | null): McpServerType {
    return server;
  }
}

async function* changedServers(context: AdminContext, serverId: string | null, signal: AbortSignal): AsyncGenerator<McpServer> {
  const { services, caller, em } = context;
  for await (const changed of services.liveChanges.follow(caller.organisationId, 'SERVER', signal)) {
    const ids = serverId === null ? changed : changed.filter((id) => id === serverId);
    // What was loaded for an earlier event is out of date.
    for (const id of ids) context.loaders.serverHealth.clear(id);
    if (ids.length > 0) yield* await services.mcpServers.findAll(em.fork(), ids);
  }
}

async function healthOf(server: McpServer, { loaders }: RequestContext): Promise<ShownHealth> {
  return shownHealth(server, await loaders.serverHealth.load(server.id), Date.now());
}
