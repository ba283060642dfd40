/** The services by name, as the composition root builds them once. */
import type { WindowCountsSource } from '../shared/window-counts.ts';
import type { AccessGrantsService } from './access-grants/access-grants.service.ts';
import type { ApiKeysService } from './api-keys/api-keys.service.ts';
import type { ConfigFeed } from './config-feed/config-feed.ts';
import type { DataPlanesService } from './data-planes/data-planes.service.ts';
import type { McpServersService } from './mcp-servers/mcp-servers.service.ts';
import type { LimitLive } from './money/limit-live.ts';
import type { LimitsService } from './money/limits.service.ts';
import type { PoliciesService } from './policies/policies.service.ts';
import type { ServerImportService } from './server-import/server-import.service.ts';
import type { ServerProbeService } from './server-probe/server-probe.service.ts';
import type { TeamsService } from './teams/teams.service.ts';
import type { DiscoveryService } from './tools/discovery.service.ts';
import type { ToolsService } from './tools/tools.service.ts';
import type { UsageAnalyticsService } from './usage/usage-analytics.service.ts';
import type { UsageFacetsService } from './usage/usage-facets.service.ts';
import type { UsageLive } from './usage/usage-live.ts';
import type { UsageRecordsService } from './usage/usage-records.service.ts';
import type { WorkflowGraphService } from './usage/workflow-graph.service.ts';

export interface Services {
  readonly accessGrants: AccessGrantsService;
  readonly apiKeys: ApiKeysService;
  readonly configFeed: ConfigFeed;
  readonly dataPlanes: DataPlanesService;
  readonly discovery: DiscoveryService;
  readonly limitLive: LimitLive;
  readonly limits: LimitsService;
  readonly mcpServers: McpServersService;
  readonly policies: PoliciesService;
  readonly serverImport: ServerImportService;
  readonly serverProbe: ServerProbeService;
  readonly teams: TeamsService;
  readonly tools: ToolsService;
  readonly usageAnalytics: UsageAnalyticsService;
  readonly usageFacets: UsageFacetsService;
  readonly usageLive: UsageLive;
  readonly usageRecords: UsageRecordsService;
  readonly windowCounts: WindowCountsSource;
  readonly workflowGraph: WorkflowGraphService;
}
