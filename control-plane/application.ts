/** The composition root of the control plane: builds every part once, in order, and takes them down in the reverse order. */
import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { AddressRules } from '../shared/address-rules.ts';
import { systemClock } from '../shared/clock.ts';
import { PlaneProofs } from '../shared/plane-proofs.ts';
import { SecretSealer } from '../shared/sealed-secret.ts';
import { SecretKeys } from '../shared/secret-keys.ts';
import { StdioAllowlist } from '../shared/stdio-allowlist.ts';
import { inheritedEnvironment } from '../shared/stdio-environment.ts';
import type { UsageSource } from '../shared/usage-event.ts';
import type { WindowCountsSource } from '../shared/window-counts.ts';
import { AUDIT_CHANNEL } from './audit/audit-writer.ts';
import { ACCESS_CHANNEL } from './access/token-watch.ts';
import { startBackgroundWork } from './background-work.ts';
import { bootstrap } from './bootstrap.ts';
import { CONFIG_CHANNEL } from './config-feed/change-log.ts';
import { DATA_PLANES_CHANNEL } from './data-planes/data-planes.service.ts';
import { Notifications } from './database/notifications.ts';
import { openMigratedOrm } from './database/orm.ts';
import { acrossOrganisations, asOwner } from './database/roles.ts';
import { NodeClient } from './explain/node-client.ts';
import { ExportLinks } from './exports/export-links.ts';
import { startGraphqlServer } from './graphql-server.ts';
import { LIVE_CHANNEL } from './live/live-changes.ts';
import type { LookBounds } from './mcp-client/look-at-server.ts';
import { ServerLooks } from './mcp-client/server-looks.ts';
import type { LedgerSource } from './money/ledger-look.ts';
import type { LostWindows } from './money/lost-windows.ts';
import { applyGlobalPolicy } from './policies/global-policy.ts';
import { makeSchema } from './schema.ts';
import { makeServices, type Services } from './services.ts';
import { hostCookie } from './sessions/host-cookie.ts';
import type { ControlPlaneSettings } from './settings.ts';
import { offerSetup } from './setup-link.ts';
import { IdentityProvider } from './single-sign-on/identity-provider.ts';
import { ProviderAccounts } from './single-sign-on/provider-accounts.ts';
import { SingleSignOn } from './single-sign-on/single-sign-on.ts';
import { OAUTH_CALLBACK_PATH, OauthPages } from './upstream-oauth/oauth-pages.ts';
import { USAGE_CHANNEL } from './usage/usage-live.ts';
import { startPartitionKeeper } from './usage-intake/partition-keeper.ts';
import { UsageIntake } from './usage-intake/usage-intake.ts';

/** Whatever any part listens to. */
const CHANNELS = [CONFIG_CHANNEL, USAGE_CHANNEL, AUDIT_CHANNEL, LIVE_CHANNEL, DATA_PLANES_CHANNEL, ACCESS_CHANNEL];

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
  const orm = await openMigratedOrm(settings.databaseUrl, log, signal);
  started.push(() => orm.close(true));
  const everything = acrossOrganisations(orm.em);
  const hasher = await bootstrap(everything, keys, settings, log);
  await applyGlobalPolicy(everything.fork(), settings.globalPolicyPath, log);
  const notifications = new Notifications(settings.databaseUrl, CHANNELS, log);
  started.push(() => notifications.close());
  const partitions = await startPartitionKeeper(asOwner(orm.em), settings.usageRetentionDays, log);
  started.push(() => partitions.close());
  const usageIntake = new UsageIntake(usageSource, everything, log, lostWindows);
  started.push(() => usageIntake.close());
  const nodes = new NodeClient(new PlaneProofs(keys.deriveAll('plane-proofs'), systemClock), log);
  started.push(() => nodes.close());
  const listening = { url: '' };
  const redirectUri = () => new URL(OAUTH_CALLBACK_PATH, settings.publicUrl ?? listening.url).href;
  const services = makeServices({
    em: orm.em,
    hasher,
    sealer: new SecretSealer(keys.current, keys.old),
    looks,
    nodes,
    exportLinks: new ExportLinks(keys.current),
    notifications,
    redirectUri,
    usageIntake,
    windowCounts,
    lostWindows,
    log,
  });
  const background = startBackgroundWork({ settings, em: everything, keys, services, lostWindows, ledger, log });
  started.push(...background.map((task) => () => task.close()));
  const { gatewayUrl, introspection } = settings;
  const sessionCookie = hostCookie('turnpike-session', settings.allowsPlainCookies);
  const singleSignOn = singleSignOnOf(settings, services, log);
  const oauthPages = new OauthPages({ connected: services.connected, redirectUri });
  const served = { schema: makeSchema(), em: orm.em, services, notifications, hasher, sessionCookie, singleSignOn, oauthPages, gatewayUrl, introspection, log };
  const server = await startGraphqlServer(served, settings);
  listening.url = server.url;
  started.push(() => server.close());
  const setupLink = await offerSetup(everything, hasher, { url: server.url, dataDirectory: settings.dataDirectory }, log);
  return { url: server.url, setupLink };
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
