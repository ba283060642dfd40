/** A certified OpenID provider on this machine, and a browser that is led there, signs in as whoever the test says, and is led back. */
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';
import { listenOnLoopback } from './loopback.ts';

export interface ProviderAccount {
  readonly sub: string;
  readonly email: string;
  readonly emailVerified: boolean;
  readonly name?: string;
}

export const CLIENT = { id: 'turnpike', secret: 'a-secret-of-the-client' } as const;

export interface TestIdentityProvider {
  readonly issuer: string;
  /** Whoever signs in next. */
  account: ProviderAccount;
  close(): Promise<void>;
}

/** `inIdToken`: the address is in the ID token; otherwise it must be asked for. */
export async function startIdentityProvider(redirectUrl: string, inIdToken: boolean): Promise<TestIdentityProvider> {
  const running: { account: ProviderAccount } = { account: { sub: 'nobody', email: 'nobody@example.com', emailVerified: true } };
  let answer: ReturnType<Provider['callback']> | undefined;
  let provider: Provider | undefined;
  const server = createServer((request, response) => {
    if (provider === undefined || answer === undefined) return response.destroy();
    if (request.url?.startsWith('/interaction/') === true) {
      void provider.interactionFinished(request, response, { login: { accountId: running.account.sub } }, { mergeWithLastSubmission: false });
      return;
    }
    void answer(request, response);
  });
  const { origin: issuer, close } = await listenOnLoopback(server);
  provider = new Provider(issuer, {
    clients: [{ client_id: CLIENT.id, client_secret: CLIENT.secret, redirect_uris: [redirectUrl] }],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    conformIdTokenClaims: !inIdToken,
    cookies: { keys: ['a key of this test'] },
    features: { devInteractions: { enabled: false } },
    ttl: { AccessToken: 600, AuthorizationCode: 600, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
    pkce: { required: () => true },
    interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
    findAccount: (_context, sub) => {
      const { email, emailVerified, name } = running.account;
      return { accountId: sub, claims: () => ({ sub, email, email_verified: emailVerified, ...(name === undefined ? {} : { name }) }) };
    },
    loadExistingGrant: async (context) => {
      const { client, session } = context.oidc;
      if (provider === undefined || client === undefined || session?.accountId === undefined) return undefined;
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope('openid email profile');
      await grant.save();
      return grant;
    },
  });
  answer = provider.callback();
  return Object.assign(running, { issuer, close });
}

/** Goes where it is led, with a jar for each origin, until it would leave for `until`; answers where that is. */
export async function followTo(from: string, until: string): Promise<string> {
  const jar = new Map<string, string>();
  for (let url = new URL(from); ;) {
    if (url.href.startsWith(until)) return url.href;
    const response = await fetch(url, { redirect: 'manual', headers: { cookie: Array.from(jar, (pair) => pair.join('=')).join('; ') } });
    for (const set of response.headers.getSetCookie()) {
      const [name = '', value = ''] = (set.split(';')[0] ?? '').split('=', 2);
      jar.set(name, value);
    }
    const location = response.headers.get('location');
    if (location === null) throw new Error(`${url.href} led nowhere: ${response.status} ${await response.text()}`);
    url = new URL(location, url);
  }
}
