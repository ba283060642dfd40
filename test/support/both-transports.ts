/** Asks one operation over HTTP or over WebSocket, and answers its errors in the same form. */
import { createClient, type Client } from 'graphql-ws';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { startTestControlPlane, type TestControlPlane } from './control-plane.ts';

export const errorsSchema = z.array(z.object({ message: z.string(), extensions: z.record(z.string(), z.unknown()) }));
export type ToldErrors = z.infer<typeof errorsSchema>;
export type Ask = (query: string, variables?: Record<string, unknown>) => Promise<ToldErrors>;

export function socketClient(plane: TestControlPlane, token = plane.token): Client {
  return createClient({
    url: plane.graphqlUrl.replace('http', 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
  });
}

export async function askOverHttp(plane: TestControlPlane, query: string, variables?: Record<string, unknown>): Promise<ToldErrors> {
  return errorsSchema.parse((await plane.ask(query, variables)).errors ?? []);
}

export async function askOverSocket(client: Client, query: string, variables: Record<string, unknown> = {}): Promise<ToldErrors> {
  try {
    const results = client.iterate({ query, variables });
    const { value } = await results.next();
    await results.return?.();
    return errorsSchema.parse(value?.errors ?? []);
  } catch (errors) {
    return errorsSchema.parse(errors);
  }
}

/** A control plane that is asked in both ways. */
export interface BothTransports {
  readonly overHttp: Ask;
  readonly overWebSocket: Ask;
  close(): Promise<void>;
}

export async function startBothTransports(): Promise<BothTransports> {
  const plane = await startTestControlPlane();
  const client = socketClient(plane);
  return {
    overHttp: (query, variables) => askOverHttp(plane, query, variables),
    overWebSocket: (query, variables) => askOverSocket(client, query, variables),
    close: async () => {
      await client.dispose();
      await plane.close();
    },
  };
}
