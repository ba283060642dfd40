/** The composition root of the control plane: builds every part once, in order, and takes them down in the reverse order. */
import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { AddressRules } from '../shared/address-rules.ts';
import { SecretSealer } from '../shared/sealed-secret.ts';
import { SecretKey } from '../shared/secret-key.ts';
import { StdioAllowlist } from '../shared/stdio-allowlist.ts';
import { inheritedEnvironment } from '../shared/stdio-environment.ts';
import { TokenHasher } from '../shared/token.ts';
import type { UsageSource } from '../shared/usage-event.ts';
import type { WindowCountsSource } from '../shared/window-counts.ts';
import { AccessGrantsService } from './access-grants/access-grants.service.ts';
import { ApiKeysService } from './api-keys/api-keys.service.ts';
import { bootstrap } from './bootstrap.ts';
import { CONFIG_CHANNEL } from './config-feed/change-log.ts';
import { ConfigFeed } from './config-feed/config-feed.ts';
import { Notifications } from './database/notifications.ts';
import { migrate, openOrm } from './database/orm.ts';
import { DataPlanesService } from './data-planes/data-planes.service.ts';
import { startGraphqlServer } from './graphql-server.ts';
import type { LookBounds } from './mcp-client/look-at-server.ts';
import { ServerLooks } from './mcp-client/server-looks.ts';
import { McpServersService } from './mcp-servers/mcp-servers.service.ts';
import { LimitLive } from './money/limit-live.ts';
import { LimitsService } from './money/limits.service.ts';
import { PoliciesService } from './policies/policies.service.ts';
import { makeSchema } from './schema.ts';
import { ServerImportService } from './server-import/server-import.service.ts';
import { ServerProbeService } from './server-probe/server-probe.service.ts';
import type { ControlPlaneSettings } from './settings.ts';
import { TeamsService } from './teams/teams.service.ts';
import { DiscoverySchedule } from './tools/discovery-schedule.ts';
import { DiscoveryService } from './tools/discovery.service.ts';
import { ToolsService } from './tools/tools.service.ts';
import { UsageAnalyticsService } from './usage/usage-analytics.service.ts';
import { UsageFacetsService } from './usage/usage-facets.service.ts';
import { USAGE_CHANNEL, UsageLive } from './usage/usage-live.ts';
import { UsageRecordsService } from './usage/usage-records.service.ts';
import { WorkflowGraphService } from './usage/workflow-graph.service.ts';
import { PartitionKeeper } from './usage-intake/partition-keeper.ts';
import { UsageIntake } from './usage-intake/usage-intake.ts';

export interface ControlPlaneParts {
  readonly log: Logger;
  readonly usageSource: UsageSource;
  /** What the data planes have counted. */
  readonly windowCounts: WindowCountsSource;
  /** Ends the wait for a database that is not there: the start is given up, and rejects. */
  readonly signal?: AbortSignal;
}

export interface RunningControlPlane {
  /** `http://host:port`. */
  readonly url: string;
  close(): Promise<void>;
}

/** Starts everything or, when a part cannot start, takes down what was started and throws. Usage source and counts are closed with the plane. */
export async function startControlPlane(settings: ControlPlaneSettings, parts: ControlPlaneParts): Promise<RunningControlPlane> {
  const started: (() => Promise<void>)[] = [() => parts.usageSource.close(), () => parts.windowCounts.close()];
  const close = async () => {
    for (let end = started.pop(); end !== undefined; end = started.pop()) await end();
  };
  try {
    const url = await startParts(settings, parts, started);
    parts.log.info({ url }, 'control plane listens');
    return { url, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Answers the URL; pushes the end of each part as it starts. */
async function startParts(
  settings: ControlPlaneSettings,
  { log, usageSource, windowCounts, signal }: ControlPlaneParts,
  started: (() => Promise<void>)[],
): Promise<string> {
  const secretKey = new SecretKey(settings.secretKey);
  const hasher = new TokenHasher(secretKey.derive('token-hash'));
  const looks = new ServerLooks(boundsOf(settings));
  const sealer = new SecretSealer(secretKey);
  const orm = await openOrm(settings.databaseUrl, log);
  started.push(() => orm.close(true));
  await migrate(orm, log, signal);
  await bootstrap(orm.em, hasher, settings, log);
  const notifications = new Notifications(settings.databaseUrl, [CONFIG_CHANNEL, USAGE_CHANNEL], log);
  started.push(() => notifications.close());
  const policies = new PoliciesService();
  const accessGrants = new AccessGrantsService();
  const usageRecords = new UsageRecordsService();
  const discovery = new DiscoveryService({ sealer, looks });
  const mcpServers = new McpServersService({ sealer, allowlist: looks.bounds.stdio.allowlist, grants: accessGrants, policies });
  const services = {
    accessGrants,
    apiKeys: new ApiKeysService({ hasher, grants: accessGrants, policies }),
    configFeed: new ConfigFeed(orm.em, notifications),
    dataPlanes: new DataPlanesService(),
    discovery,
    limitLive: new LimitLive(windowCounts, notifications),
    limits: new LimitsService(),
    mcpServers,
    policies,
    serverImport: new ServerImportService(mcpServers),
    serverProbe: new ServerProbeService({ sealer, looks }),
    teams: new TeamsService(),
    tools: new ToolsService(),
    usageAnalytics: new UsageAnalyticsService(),
    usageFacets: new UsageFacetsService(),
    usageLive: new UsageLive(orm.em, usageRecords, notifications),
    usageRecords,
    windowCounts,
    workflowGraph: new WorkflowGraphService(),
  };
  const partitions = await PartitionKeeper.start(orm.em, settings.usageRetentionDays, log);
  started.push(() => partitions.close());
  const schedule = new DiscoverySchedule(orm.em, discovery, log);
  started.push(() => schedule.close());
  const intake = new UsageIntake(usageSource, orm.em, log);
  started.push(() => intake.close());
  const server = await startGraphqlServer({ schema: makeSchema(), em: orm.em, services, hasher, gatewayUrl: settings.gatewayUrl, log }, settings);
  started.push(() => server.close());
  return server.url;
}

/** What the control plane itself may reach when it looks at servers. */
function boundsOf(settings: ControlPlaneSettings): LookBounds {
  const user = settings.stdioUser;
  return {
    rules: new AddressRules(settings.upstreamPrivateCidrs),
    stdio: { allowlist: readAllowlist(settings), user, inherited: inheritedEnvironment(settings.environment, user === undefined) },
  };
}

function readAllowlist(settings: ControlPlaneSettings): StdioAllowlist {
  const path = settings.stdioAllowlistPath;
  return path === undefined ? StdioAllowlist.empty : StdioAllowlist.parse(readFileSync(path, 'utf8'), path);
}
