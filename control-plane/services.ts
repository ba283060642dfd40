/** Builds the services of the control plane, each once and with what it needs. */
import type { EntityManager } from '@mikro-orm/postgresql';
import type { Logger } from 'pino';
import type { SecretSealer } from '../shared/sealed-secret.ts';
import type { StdioAllowlist } from '../shared/stdio-allowlist.ts';
import type { TokenHasher } from '../shared/token.ts';
import type { WindowCountsSource } from '../shared/window-counts.ts';
import { AccessGrantsService } from './access-grants/access-grants.service.ts';
import { AdminTokensService } from './admin-tokens/admin-tokens.service.ts';
import { AgentsService } from './agents/agents.service.ts';
import { UnmappedClientsService } from './agents/unmapped-clients.service.ts';
import { AlertsService } from './alerts/alerts.service.ts';
import { ApiKeysService } from './api-keys/api-keys.service.ts';
import { AuditEventsService } from './audit/audit-events.service.ts';
import { AuditLive } from './audit/audit-live.ts';
import { CatalogInstallService } from './catalog/catalog-install.service.ts';
import { CatalogService } from './catalog/catalog.service.ts';
import { InstallRequestsService } from './catalog/install-requests.service.ts';
import { TrustedCatalogue } from './catalog/trusted-catalogue.ts';
import { ConfigFeed } from './config-feed/config-feed.ts';
import { DataPlaneLive } from './data-planes/data-plane-live.ts';
import { DataPlanesService } from './data-planes/data-planes.service.ts';
import type { Notifications } from './database/notifications.ts';
import { acrossOrganisations } from './database/roles.ts';
import { ExplainService } from './explain/explain.service.ts';
import type { NodeClient } from './explain/node-client.ts';
import type { ExportLinks } from './exports/export-links.ts';
import { ExportsService } from './exports/exports.service.ts';
import { IdempotentAnswers } from './idempotency/idempotent-answers.ts';
import { LiveChanges } from './live/live-changes.ts';
import type { ServerLooks } from './mcp-client/server-looks.ts';
import { McpServersService } from './mcp-servers/mcp-servers.service.ts';
import { ServerListsService } from './mcp-servers/server-lists.service.ts';
import { ServerRemovalService } from './mcp-servers/server-removal.service.ts';
import { AdmissionsService } from './members/admissions.service.ts';
import { InvitationsService } from './members/invitations.service.ts';
import { MembersService } from './members/members.service.ts';
import { LimitLive } from './money/limit-live.ts';
import { LimitsService } from './money/limits.service.ts';
import type { LostWindows } from './money/lost-windows.ts';
import { ReconciliationsService } from './money/reconciliations.service.ts';
import { OrganisationsService } from './organisations/organisations.service.ts';
import { PlaygroundService } from './playground/playground.service.ts';
import { PoliciesService } from './policies/policies.service.ts';
import { RolesService } from './roles/roles.service.ts';
import { ServerHealthService } from './server-health/server-health.service.ts';
import { ServerImportService } from './server-import/server-import.service.ts';
import { ServerProbeService } from './server-probe/server-probe.service.ts';
import { Passwords } from './sessions/passwords.ts';
import { SessionsService } from './sessions/sessions.service.ts';
import { SignInService } from './sessions/sign-in.service.ts';
import { SimulationService } from './simulation/simulation.service.ts';
import { TeamsService } from './teams/teams.service.ts';
import { DiscoveryService } from './tools/discovery.service.ts';
import { ToolsService } from './tools/tools.service.ts';
import { DeadLettersService } from './usage-intake/dead-letters.service.ts';
import type { UsageIntake } from './usage-intake/usage-intake.ts';
import { ConnectedService } from './upstream-oauth/connected.service.ts';
import { SignInsService } from './upstream-oauth/sign-ins.service.ts';
import { TokenEndpoint } from './upstream-oauth/token-endpoint.ts';
import { TokenKeeper } from './upstream-oauth/token-keeper.ts';
import { UpstreamConnectionsService } from './upstream-oauth/upstream-connections.service.ts';
import { UsageAnalyticsService } from './usage/usage-analytics.service.ts';
import { UsageFacetsService } from './usage/usage-facets.service.ts';
import { UsageLive } from './usage/usage-live.ts';
import { UsageRecordsService } from './usage/usage-records.service.ts';
import { UsageTicks } from './usage/usage-ticks.ts';
import { WorkflowGraphService } from './usage/workflow-graph.service.ts';

export interface ServiceParts {
  /** Sees the organisation that a request is in, once it is told which. */
  readonly em: EntityManager;
  readonly hasher: TokenHasher;
  readonly sealer: SecretSealer;
  readonly looks: ServerLooks;
  readonly nodes: NodeClient;
  readonly exportLinks: ExportLinks;
  readonly notifications: Notifications;
  /** Where browsers come back to from a sign-in to an MCP server. */
  readonly redirectUri: () => string;
  readonly usageIntake: UsageIntake;
  readonly windowCounts: WindowCountsSource;
  readonly lostWindows: LostWindows | undefined;
  readonly log: Logger;
}

/** By name, as resolvers ask for them. */
export type Services = ReturnType<typeof makeServices>;

export function makeServices(parts: ServiceParts) {
  const { em, hasher, sealer, looks, nodes, notifications, usageIntake, windowCounts, lostWindows } = parts;
  const dataPlanes = new DataPlanesService();
  const explain = new ExplainService({ nodes, dataPlanes });
  const policies = new PoliciesService();
  const accessGrants = new AccessGrantsService();
  const usageRecords = new UsageRecordsService();
  const auditEvents = new AuditEventsService();
  const serverHealth = new ServerHealthService();
  const mcpServers = new McpServersService({
    sealer,
    bounds: { allowlist: looks.bounds.stdio.allowlist, rules: looks.bounds.rules },
    grants: accessGrants,
    policies,
  });
  return {
    ...catalogServices(mcpServers, looks.bounds.stdio.allowlist),
    ...oauthServices(parts),
    ...peopleServices(hasher, parts.log),
    accessGrants,
    agents: new AgentsService(),
    alerts: new AlertsService(),
    apiKeys: new ApiKeysService({ hasher, grants: accessGrants, policies }),
    auditEvents,
    auditLive: new AuditLive(em, auditEvents, notifications),
    configFeed: new ConfigFeed(acrossOrganisations(em), notifications),
    dataPlaneLive: new DataPlaneLive(dataPlanes, notifications),
    dataPlanes,
    deadLetters: new DeadLettersService(lostWindows),
    discovery: new DiscoveryService({ sealer, looks, health: serverHealth }),
    exports: new ExportsService(parts.exportLinks),
    explain,
    idempotentAnswers: new IdempotentAnswers({ hasher, sealer, log: parts.log }),
    limitLive: new LimitLive(windowCounts, notifications),
    limits: new LimitsService(),
    liveChanges: new LiveChanges(em, notifications),
    mcpServers,
    organisations: new OrganisationsService(),
    playground: new PlaygroundService({ nodes, explain, records: usageRecords }),
    policies,
    reconciliations: new ReconciliationsService(),
    serverHealth,
    serverImport: new ServerImportService(mcpServers),
    serverLists: new ServerListsService(),
    serverProbe: new ServerProbeService({ sealer, looks, health: serverHealth }),
    serverRemoval: new ServerRemovalService(),
    simulation: new SimulationService(),
    teams: new TeamsService(),
    tools: new ToolsService(),
    unmappedClients: new UnmappedClientsService(),
    usageAnalytics: new UsageAnalyticsService(),
    usageFacets: new UsageFacetsService(),
    usageIntake,
    usageLive: new UsageLive(em, usageRecords, notifications),
    usageRecords,
    usageTicks: new UsageTicks(em),
    windowCounts,
    workflowGraph: new WorkflowGraphService(),
  };
}

function peopleServices(hasher: TokenHasher, log: Logger) {
  const passwords = new Passwords();
  const sessions = new SessionsService(hasher);
  return {
    adminTokens: new AdminTokensService(hasher),
    admissions: new AdmissionsService({ hasher, passwords, sessions }),
    invitations: new InvitationsService(hasher),
    members: new MembersService(),
    roles: new RolesService(),
    sessions,
    signIn: new SignInService({ passwords, sessions, log }),
  };
}

function catalogServices(servers: McpServersService, allowlist: StdioAllowlist) {
  const catalog = new CatalogService(TrustedCatalogue.read());
  const catalogInstalls = new CatalogInstallService({ catalog, servers, allowlist });
  return { catalog, catalogInstalls, installRequests: new InstallRequestsService({ catalog, installs: catalogInstalls }) };
}

/** What signs in to MCP servers in the name of somebody. The keeper begins at once, and is closed by whoever has asked for it. */
function oauthServices({ em, sealer, looks, redirectUri, log }: ServiceParts) {
  const { rules } = looks.bounds;
  const everything = acrossOrganisations(em);
  const endpoint = new TokenEndpoint(rules);
  const tokenKeeper = new TokenKeeper({ em: everything, sealer, endpoint, log });
  return {
    connected: new ConnectedService({ em: everything, sealer, endpoint, log }),
    signIns: new SignInsService({ sealer, rules, endpoint, redirectUri }),
    tokenKeeper,
    upstreamConnections: new UpstreamConnectionsService(everything, tokenKeeper),
  };
}
