/** The composition root of the data plane: builds every part once, in order, and takes them down in the reverse order. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { systemClock, type Clock } from '../shared/clock.ts';
import { SecretSealer } from '../shared/sealed-secret.ts';
import { SecretKey } from '../shared/secret-key.ts';
import { StdioAllowlist } from '../shared/stdio-allowlist.ts';
import { TokenHasher } from '../shared/token.ts';
import type { Transport as TransportName } from '../shared/mcp-server.ts';
import { Discoveries } from './bridge/discoveries.ts';
import { bridgeModernCallers } from './bridge/modern-client/bridge-modern-callers.ts';
import { startConfig, type RunningConfig } from './config/start-config.ts';
import type { ConfigStore } from './config/store.ts';
import type { Counters } from './counters/counters.ts';
import { MemoryCounters } from './counters/memory-counters.ts';
import { connectRedisCounters } from './counters/redis-counters.ts';
import { startHttpServer, type RunningHttpServer } from './http-server.ts';
import { SessionIds } from './mcp/session-ids.ts';
import { GuessLimiter } from './policies/guess-limiter.ts';
import { HostRules } from './policies/host-rules.ts';
import { LeaseKeeper } from './policies/lease-keeper.ts';
import { OpenStreams } from './open-streams.ts';
import type { DataPlaneSettings } from './settings.ts';
import { Slots } from './steps/enter-concurrency.ts';
import { startProcessReaper } from './transports/process-reaper.ts';
import { createSseTransport } from './transports/sse.ts';
import { createStdioTransport } from './transports/stdio.ts';
import { createStreamableHttpTransport } from './transports/streamable-http.ts';
import type { Transport } from './transports/transport.ts';
import { UpstreamPools } from './transports/upstream-pools.ts';

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
  readonly sessions: SessionIds;
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
}

const GUESSES_PER_MINUTE = 600;
const CONNECTIONS_PER_UPSTREAM_MAX = 1024;
const CONNECT_TIMEOUT_MILLIS = 10_000;
const DRAIN_GRACE_MILLIS = 25_000;
const FLUSH_GRACE_MILLIS = 5000;

export async function startDataPlane(settings: DataPlaneSettings, parts: DataPlaneParts): Promise<RunningDataPlane> {
  const { log } = parts;
  const secretKey = new SecretKey(settings.secretKey);
  const clock = systemClock;
  const counters = parts.counters ?? connectCounters(settings, log);
  const reaper = startProcessReaper();
  const drain = { isDraining: false };
  const slots = new Slots(settings.concurrentRequestsMax);
  const nodeName = `${hostname()}:${settings.port}`;
  let server: RunningHttpServer | undefined;
  const config: RunningConfig = await startConfig({
    controlPlaneUrl: settings.controlPlaneUrl,
    token: settings.dataPlaneToken,
    sealer: new SecretSealer(secretKey),
    secretKey,
    dataDirectory: settings.dataDirectory,
    clock,
    log,
    version: VERSION,
    nodeName,
    describeNode: () => ({ ready: server !== undefined && !drain.isDraining, inFlight: slots.inFlight, endpoints: server === undefined ? [] : [server.url] }),
  });
  const pools = new UpstreamPools({
    connectionsMax: CONNECTIONS_PER_UPSTREAM_MAX,
    streamsMax: settings.concurrentRequestsMax,
    connectTimeoutMillis: CONNECT_TIMEOUT_MILLIS,
    privateCidrs: settings.upstreamPrivateCidrs,
  });
  const streamableHttp = createStreamableHttpTransport(pools, log);
  const sse = createSseTransport({ pools, log });
  const stdio = createStdioTransport({
    allowlist: readAllowlist(settings),
    reaper,
    clock,
    log,
    environment: settings.environment,
    presentForm: (known) => config.store.current()?.servers.get(known.config.organisationId)?.get(known.config.id),
  });
  const transports = {
    STREAMABLE_HTTP: bridgeModernCallers(streamableHttp, { discoveries: new Discoveries(streamableHttp, clock), log }),
    // Over these, servers are greeted by a handshake.
    SSE: bridgeModernCallers(sse, { discoveries: undefined, log }),
    STDIO: bridgeModernCallers(stdio, { discoveries: undefined, log }),
  };
  config.store.onChange(({ changedServerIds }) => {
    for (const serverId of changedServerIds) for (const transport of Object.values(transports)) transport.retire(serverId);
  });
  const leases = new LeaseKeeper(clock);
  const hasher = new TokenHasher(secretKey.derive('token-hash'));
  const guesses = new GuessLimiter(GUESSES_PER_MINUTE);
  const streams = new OpenStreams({ config: config.store, hasher, clock, guesses });
  const gateway: Gateway = {
    clock,
    log,
    nodeName,
    config: config.store,
    counters,
    localCounters: new MemoryCounters({ clock }),
    transports,
    hasher,
    sessions: new SessionIds(secretKey.derive('session-ids')),
    slots,
    guesses,
    hosts: new HostRules(settings.allowedHosts),
    leases,
    streams,
    drain,
  };
  server = await startHttpServer(gateway, settings);
  const { url, stop } = server;
  log.info({ url, node: nodeName }, 'data plane listens');
  return {
    url,
    close: async (graceMillis = DRAIN_GRACE_MILLIS) => {
      drain.isDraining = true;
      await stop(graceMillis);
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

function connectCounters(settings: DataPlaneSettings, log: Logger): Counters {
  if (settings.redisUrl === undefined) throw new Error('REDIS_URL is needed: the data plane counts in Redis');
  return connectRedisCounters({ url: settings.redisUrl, log });
}

function readAllowlist(settings: DataPlaneSettings): StdioAllowlist {
  const path = settings.stdioAllowlistPath;
  return path === undefined ? StdioAllowlist.empty : StdioAllowlist.parse(readFileSync(path, 'utf8'), path);
}
