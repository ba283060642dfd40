/** Speaks to the control plane over graphql-ws: one subscription, the two mutations that answer it, one that tells of servers, and one that asks for a token. */
import { createClient, MessageType, type Client } from 'graphql-ws';
import { WebSocket } from 'ws';
import { z } from 'zod';
import type { ServerReport } from '../reports/server-report.ts';
import { frameSchema, type ReceivedFrame } from './read-frame.ts';

const HELLO = 'mutation($input: DataPlaneHelloInput!) { dataPlaneHello(input: $input) { dataPlane { id } userErrors { message } } }';
const ACKNOWLEDGE = 'mutation($input: AcknowledgeConfigInput!) { acknowledgeConfig(input: $input) { dataPlane { id } userErrors { message } } }';
const RENEW = 'mutation($input: RenewUpstreamTokenInput!) { renewUpstreamToken(input: $input) { state token userErrors { message } } }';
const REPORT = 'mutation($input: ReportServersInput!) { reportServers(input: $input) { heard userErrors { message } } }';
const CONFIG =
  'subscription($dataPlaneId: ID!, $sinceVersion: BigInt) { dataPlaneConfig(dataPlaneId: $dataPlaneId, sinceVersion: $sinceVersion) { version kind payload checksum } }';

const answerSchema = z.object({ dataPlane: z.object({ id: z.string() }).nullable(), userErrors: z.array(z.object({ message: z.string() })) });
const helloSchema = z.object({ dataPlaneHello: answerSchema });
const acknowledgedSchema = z.object({ acknowledgeConfig: answerSchema });
const renewedSchema = z.object({ renewUpstreamToken: z.object({ state: z.string().nullable(), token: z.string().nullable() }) });
const reportedSchema = z.object({ reportServers: z.object({ heard: z.number().nullable(), userErrors: z.array(z.object({ message: z.string() })) }) });
const configSchema = z.object({ dataPlaneConfig: frameSchema });

const HANDSHAKE_TIMEOUT_MILLIS = 10_000;

export interface NodeDescription {
  readonly name: string;
  readonly region?: string | null;
  readonly version: string;
  readonly configVersion: string;
  readonly ready: boolean;
  readonly inFlight: number;
  readonly endpoints: readonly string[];
}

/** A token that is missing, has expired or was refused. */
export interface WantedToken {
  readonly serverId: string;
  /** Null for the one of the whole organisation. */
  readonly userId: string | null;
  /** The name of the one that does not serve; null for none. */
  readonly token: string | null;
}

/** How the connection is, and the name of its newest token, which comes with the configuration; both null for what the control plane knows nothing of. */
export interface RenewedToken {
  readonly state: string | null;
  readonly token: string | null;
}

/** What the feed needs of its connection. Every call throws when the connection is lost. */
export interface FeedLink {
  /** Registers the node or says that it is still there; answers its id. */
  hello(input: NodeDescription): Promise<string>;
  acknowledge(given: { dataPlaneId: string; version: string; refusedReason: string | null }): Promise<void>;
  renewToken(wanted: WantedToken): Promise<RenewedToken>;
  /** Tells what was noticed of servers. */
  report(dataPlaneId: string, reports: readonly ServerReport[]): Promise<void>;
  frames(dataPlaneId: string, sinceVersion: string | undefined): AsyncIterable<ReceivedFrame>;
  /** Called as frames arrive, while others may still be waiting to be taken. */
  onArrival(listener: () => void): void;
  /** Ends a connection that is silent although it seems open. */
  terminate(): void;
  close(): Promise<void>;
}

/** A socket that gives up a handshake which nobody answers, and whose errors after it was given up concern nobody. */
class FeedSocket extends WebSocket {
  constructor(url: string, protocols: string) {
    super(url, protocols, { handshakeTimeout: HANDSHAKE_TIMEOUT_MILLIS, perMessageDeflate: false });
    this.on('error', () => undefined);
  }
}

export class WebSocketFeedLink implements FeedLink {
  readonly #client: Client;
  #socket: WebSocket | undefined;
  #noteArrival: () => void = () => undefined;

  constructor(controlPlaneUrl: string, token: string) {
    const url = new URL('/graphql', controlPlaneUrl);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    this.#client = createClient({
      url: url.href,
      webSocketImpl: FeedSocket,
      connectionParams: { authorization: `Bearer ${token}` },
      connectionAckWaitTimeout: HANDSHAKE_TIMEOUT_MILLIS,
      lazy: true,
      lazyCloseTimeout: 1000,
      // Whoever uses the link decides when to try again, since only it knows the version to resume from.
      retryAttempts: 0,
      on: {
        opened: (socket) => {
          this.#socket = socket instanceof WebSocket ? socket : undefined;
        },
        message: (message) => {
          if (message.type === MessageType.Next && message.payload.data?.['dataPlaneConfig'] != null) this.#noteArrival();
        },
      },
    });
  }

  async hello(input: NodeDescription): Promise<string> {
    const { dataPlane, userErrors } = helloSchema.parse(await this.#once(HELLO, { input })).dataPlaneHello;
    if (dataPlane === null) throw new Error(`the control plane does not take this node: ${userErrors.map(({ message }) => message).join('; ')}`);
    return dataPlane.id;
  }

  async acknowledge(input: { dataPlaneId: string; version: string; refusedReason: string | null }): Promise<void> {
    const { dataPlane, userErrors } = acknowledgedSchema.parse(await this.#once(ACKNOWLEDGE, { input })).acknowledgeConfig;
    if (dataPlane === null) throw new Error(`the control plane does not take the acknowledgement: ${userErrors.map(({ message }) => message).join('; ')}`);
  }

  async renewToken(input: WantedToken): Promise<RenewedToken> {
    return renewedSchema.parse(await this.#once(RENEW, { input })).renewUpstreamToken;
  }

  async report(dataPlaneId: string, reports: readonly ServerReport[]): Promise<void> {
    const { heard, userErrors } = reportedSchema.parse(await this.#once(REPORT, { input: { dataPlaneId, reports } })).reportServers;
    if (heard === null) throw new Error(`the control plane does not take the report: ${userErrors.map(({ message }) => message).join('; ')}`);
  }

  async *frames(dataPlaneId: string, sinceVersion: string | undefined): AsyncGenerator<ReceivedFrame> {
    for await (const result of this.#client.iterate({ query: CONFIG, variables: { dataPlaneId, sinceVersion: sinceVersion ?? null } })) {
      if (result.errors !== undefined) throw new Error(result.errors.map(({ message }) => message).join('; '));
      yield configSchema.parse(result.data).dataPlaneConfig;
    }
  }

  onArrival(listener: () => void): void {
    this.#noteArrival = listener;
  }

  terminate(): void {
    this.#client.terminate();
    // The other side is not there to say goodbye, so nobody waits for it.
    this.#socket?.terminate();
  }

  async close(): Promise<void> {
    // The client would wait for a connection that is only being made; one that stands is closed in order.
    if (this.#socket?.readyState !== WebSocket.OPEN) this.#client.terminate();
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
