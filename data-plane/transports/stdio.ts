/** The STDIO transport: child processes that callers share or own, each message spliced into their input by bytes. */
import { asRefusal, Refusal } from '../../shared/refusal.ts';
import { LANDED } from './late-flight.ts';
import type { GovernedServer } from '../config/governed-server.ts';
import { STDIO_LIMITS } from './stdio-limits.ts';
import type { StdioNoise } from './stdio-noise.ts';
import { StdioPools, type StdioParts } from './stdio-pools.ts';
import { StdioWarmth } from './stdio-warmth.ts';
import type { Transport } from './transport.ts';

export interface StdioTransport extends Transport {
  readonly noise: Readonly<StdioNoise>;
  /** Of these servers, which are all that are configured, those that want processes before anybody calls get them. */
  keepWarm(servers: Iterable<GovernedServer>): void;
  /** Whether a process of the server has said that it knows no revision with sessions. */
  isModernOnly(server: GovernedServer): boolean;
}

export function createStdioTransport(parts: StdioParts): StdioTransport {
  const pools = new StdioPools(parts);
  const checkMillis = parts.limits?.warmCheckMillis ?? STDIO_LIMITS.warmCheckMillis;
  const warmth = new StdioWarmth({ checkMillis, log: parts.log, warm: (server) => pools.warm(server) });
  return {
    noise: pools.noise,
    keepWarm: (servers) => warmth.keep(servers),
    isModernOnly: (server) => pools.isModernOnly(server),
    send: (request, sink) => {
      try {
        if (request.tailPath !== '') throw new Refusal('mcp_not_found', 'unknown_path', 'a STDIO server has no sub-paths');
        return pools.dispatchOf(request.server).send(request, sink);
      } catch (error) {
        sink.fail(asRefusal(error));
        return LANDED;
      }
    },
    retire: (serverId) => pools.retire(serverId),
    close: () => {
      warmth.close();
      return pools.close();
    },
  };
}
