/** The composition root of the control plane: builds every part once, in order, and takes them down in the reverse order. */
import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { AddressRules } from '../shared/address-rules.ts';
import { SecretSealer } from '../shared/sealed-secret.ts';
import { SecretKeys } from '../shared/secret-keys.ts';
import { StdioAllowlist } from '../shared/stdio-allowlist.ts';
import { inheritedEnvironment } from '../shared/stdio-environment.ts';
import type { TokenHasher } from '../shared/token.ts';
import type { UsageSource } from '../shared/usage-event.ts';
import type { WindowCountsSource } from '../shared/window-counts.ts';
import { AccessGrantsService } from './access-grants/access-grants.service.ts';
import { AdminTokensService } from './admin-tokens/admin-tokens.service.ts';
import { ApiKeysService } from './api-keys/api-keys.service.ts';
import { AuditEventsService } from './audit/audit-events.service.ts';
import { AuditHeadKeeper } from './audit/audit-head-keeper.ts';
import { HeadSigner } from './audit/audit-heads.ts';
import { AuditLive } from './audit/audit-live.ts';
import { AUDIT_CHANNEL } from './audit/audit-writer.ts';
import { bootstrap } from './bootstrap.ts';
import { CONFIG_CHANNEL } from './config-feed/change-log.ts';
import { ConfigFeed } from './config-feed/config-feed.ts';
import { Notifications } from './database/notifications.ts';
import { openMigratedOrm } from './database/orm.ts';
import { acrossOrganisations, asOwner } from './database/roles.ts';
import { DataPlanesService } from './data-planes/data-planes.service.ts';
import { startGraphqlServer } from './graphql-server.ts';
import type { LookBounds } from './mcp-client/look-at-server.ts';
import { ServerLooks } from './mcp-client/server-looks.ts';
import { McpServersService } from './mcp-servers/mcp-servers.service.ts';
import { AdmissionsService } from './members/admissions.service.ts';
import { InvitationsService } from './members/invitations.service.ts';
import { MembersService } from './members/members.service.ts';
import type { LedgerSource } from './money/ledger-look.ts';
import { LimitLive } from './money/limit-live.ts';
import { storedLimitsInForce } from './money/limits-in-force.ts';
import { LimitsService } from './money/limits.service.ts';
import type { LostWindows } from './money/lost-windows.ts';
import { Reconciliation } from './money/reconciliation.ts';
import { ReconciliationsService } from './money/reconciliations.service.ts';
import { WindowRecovery } from './money/window-recovery.ts';
import { PoliciesService } from './policies/policies.service.ts';
import { RolesService } from './roles/roles.service.ts';
import { makeSchema } from './schema.ts';
import { Passwords } from './sessions/passwords.ts';
import { hostCookie } from './sessions/host-cookie.ts';
import { SessionsService } from './sessions/sessions.service.ts';
import { SignInService } from './sessions/sign-in.service.ts';
import { ServerImportService } from './server-import/server-import.service.ts';
import { ServerProbeService } from './server-probe/server-probe.service.ts';
import type { ControlPlaneSettings } from './settings.ts';
import { offerSetup } from './setup-link.ts';
import type { Services } from './services.ts';
import { IdentityProvider } from './single-sign-on/identity-provider.ts';
import { ProviderAccounts } from './single-sign-on/provider-accounts.ts';
import { SingleSignOn } from './single-sign-on/single-sign-on.ts';
import { TeamsService } from './teams/teams.service.ts';
import { DiscoverySchedule } from './tools/discovery-schedule.ts';
import { DiscoveryService } from './tools/discovery.service.ts';
import { ToolsService } from './tools/tools.service.ts';
import { ConnectedService } from './upstream-oauth/connected.service.ts';
import { OAUTH_CALLBACK_PATH, OauthPages } from './upstream-oauth/oauth-pages.ts';
import { SignInsService } from './upstream-oauth/sign-ins.service.ts';
import { TokenEndpoint } from './upstream-oauth/token-endpoint.ts';
import { TokenKeeper } from './upstream-oauth/token-keeper.ts';
import { UpstreamConnectionsService } from './upstream-oauth/upstream-connections.service.ts';
import { UsageAnalyticsService } from './usage/usage-analytics.service.ts';
import { UsageFacetsService } from './usage/usage-facets.service.ts';
import { USAGE_CHANNEL, UsageLive } from './usage/usage-live.ts';
import { UsageRecordsService } from './usage/usage-records.service.ts';
import { UsageTicks } from './usage/usage-ticks.ts';
import { WorkflowGraphService } from './usage/workflow-graph.service.ts';
import { DeadLettersService } from './usage-intake/dead-letters.service.ts';
import { PartitionKeeper } from './usage-intake/partition-keeper.ts';
import { UsageIntake } from './usage-intake/usage-intake.ts';

export interface ControlPlaneParts {
  readonly log: Logger;
  readonly usageSource: UsageSource;
  /** What the data planes have counted. */
  readonly windowCounts: WindowCountsSource;
  /** Where windows may get lost; undefined where nothing of them outlives the process. */
  readonly lostWindows?: LostWindows | undefined;
  /** What is compared with the records; undefined where counts end with the process, and so are no more than a part of them. */
  readonly ledger?: LedgerSource | undefined;
  /** Ends the wait for a database that is not there: the start is given up, and rejects. */
  readonly signal?: AbortSignal;
}

export interface RunningControlPlane {
  /** `http://host:port`. */
  readonly url: string;
  /** For the first administrator; undefined when there is one, or when another replica has the link. */
  readonly setupLink: string | undefined;
  close(): Promise<void>;
}

/** Starts everything or, when a part cannot start, takes down what was started and throws. Usage source and counts are closed with the plane. */
export async function startControlPlane(settings: ControlPlaneSettings, parts: ControlPlaneParts): Promise<RunningControlPlane> {
  const started: (() => Promise<void>)[] = [() => parts.usageSource.close(), () => parts.windowCounts.close(), async () => parts.lostWindows?.close()];
  const close = async () => {
    for (let end = started.pop(); end !== undefined; end = started.pop()) await end();
  };
  try {
    const { url, setupLink } = await startParts(settings, parts, started);
    parts.log.info({ url }, 'control plane listens');
    return { url, setupLink, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Pushes the end of each part as it starts. */
async function startParts(
  settings: ControlPlaneSettings,
  { log, usageSource, windowCounts, lostWindows, ledger, signal }: ControlPlaneParts,
  started: (() => Promise<void>)[],
): Promise<Omit<RunningControlPlane, 'close'>> {
  const keys = SecretKeys.parse(settings.secretKey, settings.oldSecretKeys);
  const looks = new ServerLooks(boundsOf(settings));
  const sealer = new SecretSealer(keys.current, keys.old);
  const orm = await openMigratedOrm(settings.databaseUrl, log, signal);
  started.push(() => orm.close(true));
  const everything = acrossOrganisations(orm.em);
  const hasher = await bootstrap(everything, keys, settings, log);
  const notifications = new Notifications(settings.databaseUrl, [CONFIG_CHANNEL, USAGE_CHANNEL, AUDIT_CHANNEL], log);
  started.push(() => notifications.close());
  const partitions = await PartitionKeeper.start(asOwner(orm.em), settings.usageRetentionDays, log);
  started.push(() => partitions.close());
  const usageIntake = new UsageIntake(usageSource, everything, log, lostWindows);
  started.push(() => usageIntake.close());
  const policies = new PoliciesService();
  const accessGrants = new AccessGrantsService();
  const usageRecords = new UsageRecordsService();
  const auditEvents = new AuditEventsService();
  const endpoint = new TokenEndpoint(looks.bounds.rules);
  const tokenKeeper = new TokenKeeper({ em: everything, sealer, endpoint, log });
  started.push(() => tokenKeeper.close());
  const discovery = new DiscoveryService({ sealer, looks });
  const mcpServers = new McpServersService({ sealer, allowlist: looks.bounds.stdio.allowlist, grants: accessGrants, policies });
  const listening = { url: '' };
  const redirectUri = () => new URL(OAUTH_CALLBACK_PATH, settings.publicUrl ?? listening.url).href;
  const connected = new ConnectedService({ em: everything, sealer, endpoint, log });
  const services = {
    ...peopleServices(hasher, log),
    accessGrants,
    apiKeys: new ApiKeysService({ hasher, grants: accessGrants, policies }),
    auditEvents,
    auditLive: new AuditLive(orm.em, auditEvents, notifications),
    connected,
    configFeed: new ConfigFeed(everything, notifications),
    dataPlanes: new DataPlanesService(),
    deadLetters: new DeadLettersService(lostWindows),
    discovery,
    limitLive: new LimitLive(windowCounts, notifications),
    limits: new LimitsService(),
    mcpServers,
    policies,
    reconciliations: new ReconciliationsService(),
    serverImport: new ServerImportService(mcpServers),
    serverProbe: new ServerProbeService({ sealer, looks }),
    signIns: new SignInsService({ sealer, rules: looks.bounds.rules, redirectUri }),
    teams: new TeamsService(),
    tokenKeeper,
    tools: new ToolsService(),
    upstreamConnections: new UpstreamConnectionsService(everything, tokenKeeper),
    usageAnalytics: new UsageAnalyticsService(),
    usageFacets: new UsageFacetsService(),
    usageIntake,
    usageLive: new UsageLive(orm.em, usageRecords, notifications),
    usageRecords,
    usageTicks: new UsageTicks(orm.em),
    windowCounts,
    workflowGraph: new WorkflowGraphService(),
  };
  if (lostWindows !== undefined) {
    const recovery = new WindowRecovery({ lost: lostWindows, em: everything, limits: storedLimitsInForce(everything), log });
    started.push(() => recovery.close());
  }
  if (ledger !== undefined) {
    const { reconciliationMillis: everyMillis, usageRetentionDays: retentionDays } = settings;
    const reconciliation = new Reconciliation({ em: everything, ledger, everyMillis, retentionDays, log });
    started.push(() => reconciliation.close());
  }
  const heads = new AuditHeadKeeper({ em: everything, signer: new HeadSigner(keys.current, keys.old), dataDirectory: settings.dataDirectory, log });
  started.push(() => heads.close());
  const schedule = new DiscoverySchedule(everything, discovery, log);
  started.push(() => schedule.close());
  const { gatewayUrl } = settings;
  const sessionCookie = hostCookie('turnpike-session', settings.allowsPlainCookies);
  const singleSignOn = singleSignOnOf(settings, services, log);
  const oauthPages = new OauthPages({ connected, redirectUri });
  const parts = { schema: makeSchema(), em: orm.em, services, hasher, sessionCookie, singleSignOn, oauthPages, gatewayUrl, log };
  const server = await startGraphqlServer(parts, settings);
  listening.url = server.url;
  started.push(() => server.close());
  const setupLink = await offerSetup(everything, hasher, { url: server.url, dataDirectory: settings.dataDirectory }, log);
  return { url: server.url, setupLink };
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

function singleSignOnOf({ identityProvider, allowsPlainCookies }: ControlPlaneSettings, services: Services, log: Logger): SingleSignOn | undefined {
  if (identityProvider === undefined) return undefined;
  const cookie = hostCookie('turnpike-sign-in', allowsPlainCookies);
  return new SingleSignOn({ provider: new IdentityProvider(identityProvider), accounts: new ProviderAccounts(services), cookie, log });
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
