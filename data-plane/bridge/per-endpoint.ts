/** Keeps what was learned of each endpoint of a server, since below every path of a host another one may answer. */
import type { GovernedServer } from '../config/governed-server.ts';
import type { UpstreamRequest } from '../transports/transport.ts';

/** Where a request goes. */
export type Endpoint = Pick<UpstreamRequest, 'server' | 'tailPath'>;

/** Callers choose the paths, so of each server only as many are kept; the oldest give way. */
const ENDPOINTS_MAX = 64;

export class PerEndpoint<Value> {
  readonly #values = new WeakMap<GovernedServer, Map<string, Value>>();

  get({ server, tailPath }: Endpoint): Value | undefined {
    return this.#values.get(server)?.get(tailPath);
  }

  set({ server, tailPath }: Endpoint, value: Value): void {
    const values = this.#values.get(server) ?? new Map<string, Value>();
    this.#values.set(server, values.set(tailPath, value));
    const [oldest] = values.keys();
    if (values.size > ENDPOINTS_MAX && oldest !== undefined) values.delete(oldest);
  }

  delete({ server, tailPath }: Endpoint): void {
    this.#values.get(server)?.delete(tailPath);
  }
}
