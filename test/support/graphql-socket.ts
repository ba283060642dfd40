/** A socket as graphql-ws puts it on the wire, for tests of what is written there and of how it is closed. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { eventually } from './processes.ts';

export interface GraphqlSocket {
  readonly socket: WebSocket;
  readonly received: string[];
  /** The close code and its reason, once it is closed. */
  readonly closed: Promise<{ code: number; reason: string }>;
  /** Begins an operation; what comes of it is received. */
  begin(id: string, query: string, variables?: Record<string, unknown>): void;
}

export async function openSocket(graphqlUrl: string, headers: Record<string, string> = {}): Promise<GraphqlSocket> {
  const socket = new WebSocket(graphqlUrl.replace('http', 'ws'), 'graphql-transport-ws', { headers });
  const received: string[] = [];
  socket.on('message', (data) => received.push(Buffer.isBuffer(data) ? data.toString('utf8') : ''));
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() })),
  );
  await once(socket, 'open');
  const begin: GraphqlSocket['begin'] = (id, query, variables = {}) => socket.send(JSON.stringify({ type: 'subscribe', id, payload: { query, variables } }));
  return { socket, received, closed, begin };
}

/** Says who it is, without waiting for what comes of that. */
export function introduce({ socket }: GraphqlSocket, payload: Record<string, string> = {}): void {
  socket.send(JSON.stringify({ type: 'connection_init', payload }));
}

export async function acknowledged(opened: GraphqlSocket, payload: Record<string, string> = {}): Promise<GraphqlSocket> {
  introduce(opened, payload);
  await eventually(() => (opened.received.some((text) => text.includes('connection_ack')) ? true : undefined), 'the acknowledgement');
  return opened;
}
