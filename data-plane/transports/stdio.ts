/** The STDIO transport: child processes that callers share or own, each message spliced into their input by bytes. */
import { asRefusal, Refusal } from '../../shared/refusal.ts';
import type { StdioNoise } from './stdio-noise.ts';
import { StdioPools, type StdioParts } from './stdio-pools.ts';
import type { Transport, UpstreamFlight } from './transport.ts';

export interface StdioTransport extends Transport {
  readonly noise: Readonly<StdioNoise>;
}

/** The flight of a request that never left. */
const GROUNDED: UpstreamFlight = { resume: () => undefined, cancel: () => undefined };

export function createStdioTransport(parts: StdioParts): StdioTransport {
  const pools = new StdioPools(parts);
  return {
    noise: pools.noise,
    send: (request, sink) => {
      try {
        if (request.tailPath !== '') throw new Refusal('mcp_not_found', 'unknown_path', 'a STDIO server has no sub-paths');
        return pools.dispatchOf(request.server).send(request, sink);
      } catch (error) {
        sink.fail(asRefusal(error));
        return GROUNDED;
      }
    },
    retire: (serverId) => pools.retire(serverId),
    close: () => pools.close(),
  };
}
