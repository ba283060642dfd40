/** A client of revision 2026-07-28, in which every request stands alone and says of itself what it is; the SDK at hand knows only sessions. */
import { Protocol } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { Notification, Request, Result } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { OWN_CLIENT } from './own-client.ts';

export const SESSIONLESS_REVISION = '2026-07-28';

/** Goes with every request (MCP 2026-07-28, `_meta`). */
export const REQUEST_META = {
  'io.modelcontextprotocol/protocolVersion': SESSIONLESS_REVISION,
  'io.modelcontextprotocol/clientInfo': OWN_CLIENT,
  'io.modelcontextprotocol/clientCapabilities': {},
} as const;

const methodSchema = z.object({ method: z.string() });

/** Sends and matches messages; there is nothing to agree on beforehand, and nothing that may not be asked. */
export class SessionlessClient extends Protocol<Request, Notification, Result> {
  protected assertCapabilityForMethod(): void {}
  protected assertNotificationCapability(): void {}
  protected assertRequestHandlerCapability(): void {}
  protected assertTaskCapability(): void {}
  protected assertTaskHandlerCapability(): void {}
}

/** Repeats in headers what the body says, as the revision wants it over HTTP. */
export function withMessageHeaders(fetch: FetchLike): FetchLike {
  return (url, init = {}) => {
    const headers = new Headers(init.headers);
    headers.set('mcp-protocol-version', SESSIONLESS_REVISION);
    if (typeof init.body === 'string') headers.set('mcp-method', methodSchema.parse(JSON.parse(init.body)).method);
    return fetch(url, { ...init, headers });
  };
}
