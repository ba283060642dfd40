/** A client of revision 2024-11-05 with a key, which knows the gateway as a server that speaks HTTP+SSE. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { CreateMessageRequestSchema, ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { onTestFinished } from 'vitest';

export interface OldClient {
  readonly client: Client;
  /** Where it was told to post its messages. */
  endpoint(): URL;
}

/** Connected, and able to sample and to be asked; closed with the test, if not before. */
export async function connectOldClient({ url, apiKey }: { url: string; apiKey: string }): Promise<OldClient> {
  const authorization = `Bearer ${apiKey}`;
  let posted: URL | undefined;
  const transport = new SSEClientTransport(new URL(url), {
    requestInit: { headers: { authorization } },
    eventSourceInit: {
      fetch: (target, init) => fetch(target, { ...init, headers: { accept: 'text/event-stream', authorization } }),
    },
    fetch: (target, init) => {
      posted = new URL(target);
      return fetch(target, init);
    },
  });
  const client = new Client({ name: 'old', version: '1.0.0' }, { capabilities: { sampling: {}, elicitation: {} } });
  client.setRequestHandler(CreateMessageRequestSchema, () => ({ model: 'test', role: 'assistant', content: { type: 'text', text: 'sampled here' } }));
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { username: 'ada' } }));
  await client.connect(transport);
  onTestFinished(() => client.close());
  return {
    client,
    endpoint: () => {
      if (posted === undefined) throw new Error('the client has posted nothing');
      return posted;
    },
  };
}
