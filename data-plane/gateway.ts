/** The composition root of the data plane: builds every part once, in order, and takes them down in the reverse order. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { systemClock, type Clock } from '../shared/clock.ts';
import { PlaneProofs } from '../shared/plane-proofs.ts';
import { SecretSealer } from '../shared/sealed-secret.ts';
import { SecretKeys } from '../shared/secret-keys.ts';
import { StdioAllowlist } from '../shared/stdio-allowlist.ts';
import { TokenHasher } from '../shared/token.ts';
import type { Transport as TransportName } from '../shared/mcp-server.ts';
import { Discoveries } from './bridge/discoveries.ts';
import { bridgeLegacyCallers } from './bridge/legacy-client/bridge-legacy-callers.ts';
import { MemoryEndedSessions } from './bridge/legacy-client/ended-sessions.ts';
import { bridgeModernCallers } from './bridge/modern-client/bridge-modern-callers.ts';
import { startConfig, type RunningConfig } from './config/start-config.ts';
import type { Snapshot } from './config/snapshot.ts';
import type { ConfigStore } from './config/store.ts';
import { AllottedCounters } from './counters/allotted-counters.ts';
import type { Counters } from './counters/counters.ts';
import { MemoryCounters } from './counters/memory-counters.ts';
import { connectRedisCounters } from './counters/redis-counters.ts';
import { startHttpServer, type RunningHttpServer } from './http-server.ts';
import { SessionIds } from './mcp/session-ids.ts';
import { EventDoors } from './old-clients/event-doors.ts';
import { Carrier } from './nodes/carrier.ts';
import { NodeProofs } from './nodes/node-proofs.ts';
import { GuessLimiter } from './policies/guess-limiter.ts';
import { HostRules } from './policies/host-rules.ts';
import { LeaseKeeper } from './policies/lease-keeper.ts';
import { OpenStreams } from './open-streams.ts';
import { MemorySessionBook } from './sessions/memory-session-book.ts';
import { RedisSessionBook } from './sessions/redis-session-book.ts';
import type { SessionBook } from './sessions/session-book.ts';
import type { DataPlaneSettings } from './settings.ts';
import { Slots } from './steps/enter-concurrency.ts';
import { createProcessIsolation } from './transports/process-isolation.ts';
import { startProcessReaper } from './transports/process-reaper.ts';
import { createSseTransport } from './transports/sse.ts';
import { createStdioTransport } from './transports/stdio.ts';
import { createStreamableHttpTransport } from './transports/streamable-http.ts';
import type { Transport } from './transports/transport.ts';
import { UpstreamPools } from './transports/upstream-pools.ts';
import { Credentials } from './upstream-auth/credentials.ts';
import { renewCredentials } from './upstream-auth/renewing-transport.ts';
import { TokenRenewals } from './upstream-auth/token-renewals.ts';

export const VERSION = '0.1.0';

/** Everything that a step may ask for. */
export interface Gateway {
  readonly clock: Clock;
  readonly log: Logger;
  readonly nodeName: string;
  readonly config: ConfigStore;
  readonly counters: Counters;
  /** This node's own counts, for rates and leases while the shared counters are away. */
  readonly localCounters: Counters;
  readonly transports: Readonly<Partial<Record<TransportName, Transport>>>;
  readonly hasher: TokenHasher;
  readonly credentials: Credentials;
  readonly sessions: SessionIds;
  readonly doors: EventDoors;
  readonly proofs: NodeProofs;
  readonly planeProofs: PlaneProofs;
  readonly carrier: Carrier;
  readonly slots: Slots;
  readonly guesses: GuessLimiter;
  readonly hosts: HostRules;
  readonly leases: LeaseKeeper;
  readonly streams: OpenStreams;
  readonly drain: { isDraining: boolean };
}

export interface RunningDataPlane {
  /** `http://host:port`. */
  readonly url: string;
  /** Stops accepting, lets what is under way finish for at most `graceMillis`, then ends everything. */
  close(graceMillis?: number): Promise<void>;
}

/** Parts that the standalone mode hands in instead of the production ones. */
export interface DataPlaneParts {
  readonly log: Logger;
  readonly counters?: Counters;
  /** With counters alone, sessions are remembered in this process. */
  readonly sessionBook?: SessionBook;
}

const GUESSES_PER_MINUTE = 600;
const CONNECTIONS_PER_UPSTREAM_MAX = 1024;
const DRAIN_GRACE_MILLIS = 25_000;
const FLUSH_GRACE_MILLIS = 5000;

export async function startDataPlane(settings: DataPlaneSettings, parts: DataPlaneParts): Promise<RunningDataPlane> {
  const { log } = parts;
  const keys = SecretKeys.parse(settings.secretKey, settings.oldSecretKeys);
  const clock = systemClock;
  const leases = new LeaseKeeper(clock);
  const { counters, sessionBook } = openStores(settings, parts, { clock, leases });
  const reaper = startProcessReaper();
  const drain = { isDraining: false };
  const slots = new Slots(settings.concurrentRequestsMax);
  const nodeName = `${hostname()}:${settings.port}`;
  let server: RunningHttpServer | undefined;
  const config: RunningConfig = await startConfig({
    controlPlaneUrl: settings.controlPlaneUrl,
    token: settings.dataPlaneToken,
    sealer: new SecretSealer(keys.current, keys.old),
    secretKey: keys.current,
    oldSecretKeys: keys.old,
    dataDirectory: settings.dataDirectory,
    clock,
    log,
    version: VERSION,
    nodeName,
    describeNode: () => ({
      region: settings.region,
      ready: server !== undefined && !drain.isDraining,
      inFlight: slots.inFlight,
      endpoints: server === undefined ? [] : endpointsOf(settings, server),
    }),
  });
  const pools = new UpstreamPools({
    connectionsMax: CONNECTIONS_PER_UPSTREAM_MAX,
    streamsMax: settings.concurrentRequestsMax,
    privateCidrs: settings.upstreamPrivateCidrs,
  });
  const credentials = new Credentials(new TokenRenewals({ store: config.store, ask: config.renewToken, log }), clock);
  const streamableHttp = renewCredentials(createStreamableHttpTransport(pools, log, sessionBook), credentials);
  const sse = renewCredentials(createSseTransport({ pools, log }), credentials);
  const stdio = createStdioTransport({
    allowlist: readAllowlist(settings),
    isolation: createProcessIsolation(settings.stdioUser),
    reaper,
    clock,
    log,
    environment: settings.environment,
    presentForm: (known) => config.store.current()?.servers.get(known.config.organisationId)?.get(known.config.id),
  });
  const ended = new MemoryEndedSessions(clock);
  const discoveries = new Discoveries(streamableHttp, clock);
  const transports = {
    STREAMABLE_HTTP: bridgeModernCallers(bridgeLegacyCallers(streamableHttp, { discoveries, ended, clock }), { discoveries, log }),
    // Over these, servers are greeted by a handshake.
    SSE: bridgeModernCallers(sse, { discoveries: undefined, log }),
    STDIO: bridgeModernCallers(bridgeLegacyCallers(stdio, { discoveries: new Discoveries(stdio, clock), ended, clock }), {
      discoveries: undefined,
      isModernOnly: (server) => stdio.isModernOnly(server),
      log,
    }),
  };
  const warmUp = ({ servers }: Snapshot) => stdio.keepWarm(new Set([...servers.values()].flatMap((known) => [...known.values()])));
  const saved = config.store.current();
  if (saved !== undefined) warmUp(saved);
  config.store.onChange(({ changedServerIds, previous, next }) => {
    for (const serverId of changedServerIds) for (const transport of Object.values(transports)) transport.retire(serverId);
    if (previous?.servers !== next.servers) warmUp(next);
  });
  const hasher = new TokenHasher(saved?.tokenHashKey ?? keys.current.derive('token-hash'));
  config.store.onChange(({ next: { tokenHashKey } }) => tokenHashKey !== undefined && hasher.use(tokenHashKey));
  const guesses = new GuessLimiter(GUESSES_PER_MINUTE);
  const streams = new OpenStreams({ config: config.store, hasher, clock, guesses });
  const sessions = new SessionIds(keys.deriveAll('session-ids'), settings.nodeUrl);
  const proofs = new NodeProofs(keys.deriveAll('node-proofs'), clock);
  const doorIds = new SessionIds(keys.deriveAll('old-client-streams'), settings.nodeUrl);
  const carrier = new Carrier({ sessions, doorIds, proofs, log, ownUrl: settings.nodeUrl });
  const gateway: Gateway = {
    clock,
    log,
    nodeName,
    config: config.store,
    counters,
    localCounters: new MemoryCounters({ clock }),
    transports,
    hasher,
    credentials,
    sessions,
    doors: new EventDoors(doorIds),
    proofs,
    planeProofs: new PlaneProofs(keys.deriveAll('plane-proofs'), clock),
    carrier,
    slots,
    guesses,
    hosts: new HostRules(settings.allowedHosts),
    leases,
    streams,
    drain,
  };
  server = await startHttpServer(gateway, settings);
  config.announce();
  const { url, stop } = server;
  log.info({ url, node: nodeName }, 'data plane listens');
  return {
    url,
    close: async (graceMillis = DRAIN_GRACE_MILLIS) => {
      drain.isDraining = true;
      await stop(graceMillis);
      carrier.close();
      await Promise.all(Object.values(transports).map((transport) => transport.close()));
      await config.close();
      leases.close();
      streams.close();
      const lost = await counters.close(FLUSH_GRACE_MILLIS);
      if (lost > 0) log.error({ lost }, 'usage events could not be handed over before the end');
      await reaper.close();
    },
  };
}

/** What is counted and remembered between requests: in what was handed in, or in Redis, over one connection that the counters close. */
function openStores(
  { redisUrl }: DataPlaneSettings,
  parts: DataPlaneParts,
  { clock, leases }: { clock: Clock; leases: LeaseKeeper },
): { counters: Counters; sessionBook: SessionBook } {
  if (parts.counters !== undefined) return { counters: parts.counters, sessionBook: parts.sessionBook ?? new MemorySessionBook(clock) };
  if (redisUrl === undefined) throw new Error('REDIS_URL is needed: the data plane counts in Redis');
  const shared = connectRedisCounters({ url: redisUrl, log: parts.log, openRequests: () => counters.openRequests(leases.openAt(counters)) });
  const counters: AllottedCounters = new AllottedCounters(shared, clock);
  return { counters, sessionBook: new RedisSessionBook(shared.link) };
}

/** The best one first: where it listens may be no address that leads here from elsewhere. */
function endpointsOf({ nodeUrl }: DataPlaneSettings, { url }: RunningHttpServer): string[] {
  return nodeUrl === undefined ? [url] : [nodeUrl, url];
}

function readAllowlist(settings: DataPlaneSettings): StdioAllowlist {
  const path = settings.stdioAllowlistPath;
  return path === undefined ? StdioAllowlist.empty : StdioAllowlist.parse(readFileSync(path, 'utf8'), path);
}
