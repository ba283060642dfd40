/** The services by name, as the composition root builds them once. */
import type { WindowCountsSource } from '../shared/window-counts.ts';
import type { AccessGrantsService } from './access-grants/access-grants.service.ts';
import type { ApiKeysService } from './api-keys/api-keys.service.ts';
import type { AuditEventsService } from './audit/audit-events.service.ts';
import type { AuditLive } from './audit/audit-live.ts';
import type { ConfigFeed } from './config-feed/config-feed.ts';
import type { DataPlanesService } from './data-planes/data-planes.service.ts';
import type { McpServersService } from './mcp-servers/mcp-servers.service.ts';
import type { LimitLive } from './money/limit-live.ts';
import type { LimitsService } from './money/limits.service.ts';
import type { ReconciliationsService } from './money/reconciliations.service.ts';
import type { PoliciesService } from './policies/policies.service.ts';
import type { TeamsService } from './teams/teams.service.ts';
import type { UsageAnalyticsService } from './usage/usage-analytics.service.ts';
import type { UsageFacetsService } from './usage/usage-facets.service.ts';
import type { DeadLettersService } from './usage-intake/dead-letters.service.ts';
import type { UsageIntake } from './usage-intake/usage-intake.ts';
import type { UsageLive } from './usage/usage-live.ts';
import type { UsageRecordsService } from './usage/usage-records.service.ts';
import type { UsageTicks } from './usage/usage-ticks.ts';
import type { WorkflowGraphService } from './usage/workflow-graph.service.ts';

export interface Services {
  readonly accessGrants: AccessGrantsService;
  readonly apiKeys: ApiKeysService;
  readonly auditEvents: AuditEventsService;
  readonly auditLive: AuditLive;
  readonly configFeed: ConfigFeed;
  readonly dataPlanes: DataPlanesService;
  readonly deadLetters: DeadLettersService;
  readonly limitLive: LimitLive;
  readonly limits: LimitsService;
  readonly mcpServers: McpServersService;
  readonly policies: PoliciesService;
  readonly reconciliations: ReconciliationsService;
  readonly teams: TeamsService;
  readonly usageAnalytics: UsageAnalyticsService;
  readonly usageFacets: UsageFacetsService;
  readonly usageIntake: UsageIntake;
  readonly usageLive: UsageLive;
  readonly usageRecords: UsageRecordsService;
  readonly usageTicks: UsageTicks;
  readonly windowCounts: WindowCountsSource;
  readonly workflowGraph: WorkflowGraphService;
}
