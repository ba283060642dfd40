/** Speaks to the control plane over graphql-ws: one subscription, and the two mutations that answer it. */
import { createClient, type Client } from 'graphql-ws';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { frameSchema, type ReceivedFrame } from './read-frame.ts';

const HELLO = 'mutation($input: DataPlaneHelloInput!) { dataPlaneHello(input: $input) { dataPlane { id } userErrors { message } } }';
const ACKNOWLEDGE = 'mutation($input: AcknowledgeConfigInput!) { acknowledgeConfig(input: $input) { userErrors { message } } }';
const CONFIG =
  'subscription($dataPlaneId: ID!, $sinceVersion: BigInt) { dataPlaneConfig(dataPlaneId: $dataPlaneId, sinceVersion: $sinceVersion) { version kind payload checksum } }';

const helloSchema = z.object({ dataPlaneHello: z.object({ dataPlane: z.object({ id: z.string() }).nullable(), userErrors: z.array(z.object({ message: z.string() })) }) });
const configSchema = z.object({ dataPlaneConfig: frameSchema });

export interface NodeDescription {
  readonly name: string;
  readonly version: string;
  readonly configVersion: string;
  readonly ready: boolean;
  readonly inFlight: number;
  readonly endpoints: readonly string[];
}

export class FeedLink {
  readonly #client: Client;

  constructor(controlPlaneUrl: string, token: string) {
    const url = new URL('/graphql', controlPlaneUrl);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    this.#client = createClient({
      url: url.href,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${token}` },
      lazy: true,
      lazyCloseTimeout: 1000,
      // Whoever uses the link decides when to try again, since only it knows the version to resume from.
      retryAttempts: 0,
      onNonLazyError: () => undefined,
    });
  }

  /** Registers the node or says that it is still there; answers its id. */
  async hello(input: NodeDescription): Promise<string> {
    const { dataPlaneHello } = helloSchema.parse(await this.#once(HELLO, { input }));
    if (dataPlaneHello.dataPlane === null) throw new Error(`the control plane does not take this node: ${dataPlaneHello.userErrors.map(({ message }) => message).join('; ')}`);
    return dataPlaneHello.dataPlane.id;
  }

  async acknowledge(dataPlaneId: string, version: string, refusedReason: string | undefined): Promise<void> {
    await this.#once(ACKNOWLEDGE, { input: { dataPlaneId, version, refusedReason: refusedReason ?? null } });
  }

  /** Frames until the connection ends, which is told by an error. */
  async *frames(dataPlaneId: string, sinceVersion: string | undefined): AsyncGenerator<ReceivedFrame> {
    for await (const result of this.#client.iterate({ query: CONFIG, variables: { dataPlaneId, sinceVersion: sinceVersion ?? null } })) {
      if (result.errors !== undefined) throw new Error(result.errors.map(({ message }) => message).join('; '));
      yield configSchema.parse(result.data).dataPlaneConfig;
    }
  }

  /** Ends a connection that is silent although it seems open. */
  terminate(): void {
    this.#client.terminate();
  }

  async close(): Promise<void> {
    await this.#client.dispose();
  }

  async #once(query: string, variables: Record<string, unknown>): Promise<unknown> {
    for await (const result of this.#client.iterate({ query, variables })) {
      if (result.errors !== undefined) throw new Error(result.errors.map(({ message }) => message).join('; '));
      return result.data;
    }
    throw new Error('the control plane closed the connection');
  }
}
