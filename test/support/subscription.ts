/** A subscription over graphql-ws as a client of the control plane has it. */
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';

export interface Subscription {
  /** What comes next; fails with the first error, and when the subscription has ended. */
  next(): Promise<unknown>;
  close(): Promise<void>;
}

export function subscribeTo(
  graphqlUrl: string,
  { query, variables, token }: { query: string; variables: Record<string, unknown>; token: string },
): Subscription {
  const client = createClient({
    url: graphqlUrl.replace('http', 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
  });
  const answers = client.iterate({ query, variables });
  return {
    next: async () => {
      const { done, value } = await answers.next();
      if (done === true) throw new Error('the subscription ended');
      if (value.errors !== undefined) throw new Error(value.errors.map(({ message }) => message).join('; '));
      return value.data;
    },
    close: async () => client.dispose(),
  };
}
