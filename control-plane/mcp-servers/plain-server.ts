/** What holds of a server as long as nobody has said otherwise. */
import type { CreateServerInput } from './mcp-server.inputs.ts';

export const PLAIN_SERVER = {
  slug: null,
  stdioIsolation: null,
  oauthRequired: false,
  enabled: false,
  scope: null,
  allowedTools: [],
  blockedTools: [],
  pricing: null,
  semanticFilter: null,
  policy: null,
  denialStyle: null,
  limits: null,
  grantTo: [],
  metadata: {},
} as const satisfies Partial<CreateServerInput>;
