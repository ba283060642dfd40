/** Follows the configuration feed as a data plane's connection does, frame by frame, for tests that look at the frames themselves. */
import { createClient, type Client } from 'graphql-ws';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { frameSchema, type ReceivedFrame } from '../../data-plane/config/read-frame.ts';
import { deltaPayloadSchema, snapshotPayloadSchema } from '../../shared/config-document.ts';
import { unpackPart } from '../../shared/config-parts.ts';

const CONFIG = 'subscription($id: ID!, $since: BigInt) { dataPlaneConfig(dataPlaneId: $id, sinceVersion: $since) { version kind payload checksum } }';
const HELLO = 'mutation($input: DataPlaneHelloInput!) { dataPlaneHello(input: $input) { dataPlane { id } } }';
const helloSchema = z.object({ dataPlaneHello: z.object({ dataPlane: z.object({ id: z.string() }) }) });
const changeSchema = z.looseObject({ op: z.string(), kind: z.string(), id: z.string().optional(), value: z.looseObject({ id: z.string() }).optional() });

/** A change, and what it says of the entity; only its id when it is a removal. */
export interface SeenChange {
  readonly op: string;
  readonly kind: string;
  readonly id: string;
  readonly value: Record<string, unknown> | undefined;
}

export interface FollowedFeed {
  /** The next frame; fails when the feed ends or errs instead. */
  next(): Promise<ReceivedFrame>;
  /** Frames up to the first that is no heartbeat. */
  nextChange(): Promise<ReceivedFrame>;
  /** The parts of one snapshot, read together. */
  snapshot(): Promise<{ version: string; upserts: SeenChange[]; parts: number }>;
  /** Resolves when the control plane ends the feed. */
  ended(): Promise<void>;
  close(): Promise<void>;
}

/** Says hello first, unless it follows in the name of a node that is known already. */
export async function followFeed(url: string, token: string, given: { since?: string | null; dataPlaneId?: string } = {}): Promise<FollowedFeed> {
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    lazyCloseTimeout: 1000,
    retryAttempts: 0,
  });
  const id = given.dataPlaneId ?? (await sayHello(client));
  const frames = client.iterate({ query: CONFIG, variables: { id, since: given.since ?? null } });
  const next = async () => {
    const { done, value } = await frames.next();
    if (done === true) throw new Error('the feed ended');
    if (value.errors !== undefined) throw new Error(value.errors.map(({ message }) => message).join('; '));
    return frameSchema.parse(value.data?.['dataPlaneConfig']);
  };
  return {
    next,
    nextChange: async () => {
      for (;;) {
        const frame = await next();
        if (frame.kind !== 'HEARTBEAT') return frame;
      }
    },
    snapshot: async () => {
      const upserts: SeenChange[] = [];
      for (let parts = 1; ; parts++) {
        const { version, payload } = await next();
        const { gzip, isLast } = snapshotPayloadSchema.parse(payload);
        upserts.push(...changesIn(unpackPart(Buffer.from(gzip, 'base64'))));
        if (isLast) return { version, upserts, parts };
      }
    },
    ended: async () => {
      await frames.next().then(
        ({ done }) => (done === true ? undefined : Promise.reject(new Error('the feed goes on'))),
        () => undefined,
      );
    },
    close: async () => {
      await client.dispose();
    },
  };
}

async function sayHello(client: Client): Promise<string> {
  const input = { name: 'follower:1', version: 'test', configVersion: '0', ready: true, inFlight: 0, endpoints: [] };
  for await (const { data, errors } of client.iterate({ query: HELLO, variables: { input } })) {
    if (errors !== undefined) throw new Error(errors.map(({ message }) => message).join('; '));
    return helloSchema.parse(data).dataPlaneHello.dataPlane.id;
  }
  throw new Error('hello was not answered');
}

export function changesOf(frame: ReceivedFrame): SeenChange[] {
  return changesIn(deltaPayloadSchema.parse(frame.payload).changes);
}

function changesIn(changes: readonly unknown[]): SeenChange[] {
  return z
    .array(changeSchema)
    .parse(changes)
    .map(({ op, kind, id, value }) => ({ op, kind, id: value?.id ?? id ?? '', value }));
}
