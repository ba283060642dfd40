/** The services by name, as the composition root builds them once. */
import type { WindowCountsSource } from '../shared/window-counts.ts';
import type { AccessGrantsService } from './access-grants/access-grants.service.ts';
import type { AdminTokensService } from './admin-tokens/admin-tokens.service.ts';
import type { ApiKeysService } from './api-keys/api-keys.service.ts';
import type { ConfigFeed } from './config-feed/config-feed.ts';
import type { DataPlanesService } from './data-planes/data-planes.service.ts';
import type { McpServersService } from './mcp-servers/mcp-servers.service.ts';
import type { AdmissionsService } from './members/admissions.service.ts';
import type { InvitationsService } from './members/invitations.service.ts';
import type { MembersService } from './members/members.service.ts';
import type { LimitLive } from './money/limit-live.ts';
import type { LimitsService } from './money/limits.service.ts';
import type { PoliciesService } from './policies/policies.service.ts';
import type { RolesService } from './roles/roles.service.ts';
import type { SessionsService } from './sessions/sessions.service.ts';
import type { SignInService } from './sessions/sign-in.service.ts';
import type { TeamsService } from './teams/teams.service.ts';
import type { UsageAnalyticsService } from './usage/usage-analytics.service.ts';
import type { UsageFacetsService } from './usage/usage-facets.service.ts';
import type { UsageLive } from './usage/usage-live.ts';
import type { UsageRecordsService } from './usage/usage-records.service.ts';
import type { WorkflowGraphService } from './usage/workflow-graph.service.ts';

export interface Services {
  readonly accessGrants: AccessGrantsService;
  readonly adminTokens: AdminTokensService;
  readonly admissions: AdmissionsService;
  readonly apiKeys: ApiKeysService;
  readonly configFeed: ConfigFeed;
  readonly dataPlanes: DataPlanesService;
  readonly invitations: InvitationsService;
  readonly limitLive: LimitLive;
  readonly limits: LimitsService;
  readonly mcpServers: McpServersService;
  readonly members: MembersService;
  readonly policies: PoliciesService;
  readonly roles: RolesService;
  readonly sessions: SessionsService;
  readonly signIn: SignInService;
  readonly teams: TeamsService;
  readonly usageAnalytics: UsageAnalyticsService;
  readonly usageFacets: UsageFacetsService;
  readonly usageLive: UsageLive;
  readonly usageRecords: UsageRecordsService;
  readonly windowCounts: WindowCountsSource;
  readonly workflowGraph: WorkflowGraphService;
}
