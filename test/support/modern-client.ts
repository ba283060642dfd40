/** Clients of revision 2026-07-28 for tests of the gateway: the official one, and plain requests for what it does not show. */
import { Client, StreamableHTTPClientTransport, type ClientOptions } from '@modelcontextprotocol/client';
import { onTestFinished } from 'vitest';

export interface Target {
  readonly url: string;
  readonly apiKey: string;
}

/** Connected, and closed when the test ends; `prepare` sets handlers before. */
export async function connectModern(
  { url, apiKey }: Target,
  capabilities: ClientOptions['capabilities'] = {},
  prepare?: (client: Client) => void,
): Promise<Client> {
  const client = new Client({ name: 'modern-client', version: '2.1' }, { capabilities, versionNegotiation: { mode: { pin: '2026-07-28' } } });
  prepare?.(client);
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { authorization: `Bearer ${apiKey}` } } }));
  onTestFinished(() => client.close());
  return client;
}

export interface ModernRequest {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly meta?: Readonly<Record<string, unknown>>;
  readonly capabilities?: Readonly<Record<string, unknown>>;
  readonly id?: string | number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Asks as a client of the revision does. */
export function postModern({ url, apiKey }: Target, method: string, request: ModernRequest = {}): Promise<Response> {
  const { params = {}, meta = {}, capabilities = {}, id = 'a', headers = {}, signal } = request;
  const name = params['name'] ?? params['uri'];
  const claims = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': capabilities,
    'io.modelcontextprotocol/clientInfo': { name: 'modern-client', version: '2.1' },
    ...meta,
  };
  return fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${apiKey}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...(typeof name === 'string' ? { 'mcp-name': name } : {}),
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, _meta: claims } }),
    ...(signal === undefined ? {} : { signal }),
  });
}
