/** A certified authorisation server on this machine: whoever is sent there agrees at once, and a test may have it fail, or count what it was asked. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Provider } from 'oidc-provider';
import { z } from 'zod';
import { listenOnLoopback } from './loopback.ts';

const registeredSchema = z.object({ registration_client_uri: z.string(), registration_access_token: z.string() });

/** Known to it from the start. */
export const MACHINE_CLIENT = { id: 'turnpike-machine', secret: 'a-secret-of-the-machine-client' } as const;

export interface AuthorisationServer {
  readonly issuer: string;
  readonly tokenUrl: string;
  /** What was asked of it, by path. */
  readonly asked: string[];
  /** Of the tokens that it gives from now on. */
  readonly seconds: { access: number; refresh: number };
  /** Whoever signs in next. */
  account: string;
  /** Answers the next requests for tokens with 503. */
  isDown: boolean;
  /** Whether a token is good, as the guarded server asks. */
  accepts(token: string): Promise<boolean>;
  /** Takes back every token that it has given. */
  revokeAll(): void;
  /** Knows none of the refresh tokens any more that it has given. */
  forgetRefreshTokens(): Promise<void>;
  /** Knows none of the clients any more that have registered themselves. */
  forgetClients(): Promise<void>;
  tokenRequests(): number;
  close(): Promise<void>;
}

/** Whether clients may register themselves, and whether they may describe themselves by a document of their own. */
interface Welcome {
  readonly registers: boolean;
  readonly reads: boolean;
}

export async function startAuthorisationServer({ registers = true, reads = false }: Partial<Welcome> = {}): Promise<AuthorisationServer> {
  const asked: string[] = [];
  const refreshTokens = new Set<string>();
  const clients: z.infer<typeof registeredSchema>[] = [];
  const running = { asked, seconds: { access: 600, refresh: 3600 }, account: 'ann', isDown: false };
  const revoked = new Set<string>();
  const given = new Set<string>();
  const made: { provider?: Provider; answer?: ReturnType<Provider['callback']> } = {};
  const server = createServer((request, response) => void handle(request, response));
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = new URL(request.url ?? '', 'http://localhost').pathname;
    asked.push(path);
    const { provider, answer } = made;
    if (provider === undefined || answer === undefined) return void response.destroy();
    if (path === '/token' && running.isDown) return void response.writeHead(503, { 'content-type': 'text/plain' }).end('closed for today');
    if (!path.startsWith('/interaction/')) return answer(request, response);
    await provider.interactionFinished(request, response, { login: { accountId: running.account } }, { mergeWithLastSubmission: false });
  };
  const { origin: issuer, close } = await listenOnLoopback(server);
  const provider = makeProvider(issuer, { registers, reads }, running.seconds);
  provider.on('refresh_token.saved', ({ jti }) => void refreshTokens.add(jti));
  provider.on('registration_create.success', ({ body }) => void clients.push(registeredSchema.parse(body)));
  made.provider = provider;
  made.answer = provider.callback();
  return Object.assign(running, {
    issuer,
    tokenUrl: `${issuer}/token`,
    accepts: async (token: string) => {
      const found = (await provider.ClientCredentials.find(token)) ?? (await provider.AccessToken.find(token));
      if (found !== undefined) given.add(token);
      return found !== undefined && !found.isExpired && !revoked.has(token);
    },
    revokeAll: () => {
      for (const token of given) revoked.add(token);
    },
    forgetRefreshTokens: async () => {
      for (const token of refreshTokens) await (await provider.RefreshToken.find(token))?.destroy();
      refreshTokens.clear();
    },
    forgetClients: async () => {
      for (const { registration_client_uri: url, registration_access_token: token } of clients.splice(0))
        await fetch(url, { method: 'DELETE', headers: { authorization: `Bearer ${token}` } });
    },
    tokenRequests: () => asked.filter((path) => path === '/token').length,
    close,
  });
}

function makeProvider(issuer: string, { registers, reads }: Welcome, seconds: AuthorisationServer['seconds']): Provider {
  const provider: Provider = new Provider(issuer, {
    clients: [
      {
        client_id: MACHINE_CLIENT.id,
        client_secret: MACHINE_CLIENT.secret,
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
      },
    ],
    scopes: ['openid', 'offline_access', 'tools:call', 'tools:list'],
    cookies: { keys: ['a key of this test'] },
    rotateRefreshToken: true,
    issueRefreshToken: (_context, client) => Promise.resolve(client.grantTypeAllowed('refresh_token')),
    features: {
      clientCredentials: { enabled: true },
      ...(reads ? { clientIdMetadataDocument: { enabled: true, ack: 'draft-02', cacheDuration: { min: 0, max: 0 } } } : {}),
      devInteractions: { enabled: false },
      registration: { enabled: registers },
      registrationManagement: { enabled: registers },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => Promise.resolve([]),
        useGrantedResource: () => Promise.resolve(true),
        getResourceServerInfo: (_context, resource) => ({ scope: 'tools:call tools:list', audience: resource, accessTokenFormat: 'opaque' }),
      },
    },
    ttl: {
      AccessToken: () => seconds.access,
      ClientCredentials: () => seconds.access,
      RefreshToken: () => seconds.refresh,
      AuthorizationCode: 60,
      Grant: 3600,
      IdToken: 600,
      Interaction: 600,
      Session: 600,
    },
    pkce: { required: () => true },
    // Its own way of fetching refuses every address of this machine.
    fetch: (url, { signal, headers } = {}) => fetch(url, { redirect: 'manual', signal: signal ?? null, headers: headers ?? {} }),
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    loadExistingGrant: async (context) => {
      const { client, session, params } = context.oidc;
      if (client === undefined || session?.accountId === undefined) return undefined;
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope('openid offline_access tools:call tools:list');
      const resource = params?.['resource'];
      if (typeof resource === 'string') grant.addResourceScope(resource, 'tools:call tools:list');
      await grant.save();
      return grant;
    },
  });
  return provider;
}
