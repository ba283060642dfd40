/** The operator's OpenID provider: sends people there, and reads whom it says they are. Code flow with PKCE, state, nonce and `iss`. */
import assert from 'node:assert/strict';
import * as oidc from 'openid-client';
import { z } from 'zod';
import type { Identity } from '../members/admissions.service.ts';
import type { IdentityProviderSettings } from '../settings.ts';

/** What must come back as it left, from the browser that was sent. */
export interface SignInFlow {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

const LOOPBACK_HOSTS: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];
const SCOPE = 'openid email profile';
const NAME_LENGTH_MAX = 200;
const TIMEOUT_SECONDS = 10;

/** An address that the provider has not verified may be anybody's. */
const claimsSchema = z.object({
  iss: z.string(),
  sub: z.string().max(255),
  email: z.string().max(254),
  email_verified: z.literal(true),
  name: z.string().optional(),
});

export class IdentityProvider {
  readonly #settings: IdentityProviderSettings;
  #configuration: Promise<oidc.Configuration> | undefined;

  constructor(settings: IdentityProviderSettings) {
    this.#settings = settings;
  }

  async begin(): Promise<{ url: URL; flow: SignInFlow }> {
    const configuration = await this.#discover();
    const flow = { state: oidc.randomState(), nonce: oidc.randomNonce(), verifier: oidc.randomPKCECodeVerifier() };
    const url = oidc.buildAuthorizationUrl(configuration, {
      redirect_uri: this.#settings.redirectUrl.href,
      scope: SCOPE,
      state: flow.state,
      nonce: flow.nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(flow.verifier),
      code_challenge_method: 'S256',
    });
    return { url, flow };
  }

  /** `search` is what the browser has brought back. Throws when anything about it, or about the provider's answer, is not as it must be. */
  async finish(search: string, { state, nonce, verifier }: SignInFlow): Promise<Identity> {
    const url = new URL(this.#settings.redirectUrl);
    url.search = search;
    const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true };
    const configuration = await this.#discover();
    const tokens = await oidc.authorizationCodeGrant(configuration, url, checks);
    const claims = tokens.claims();
    assert(claims !== undefined);
    // Some providers tell the address only to whoever asks for it.
    const more = claims['email'] === undefined ? await oidc.fetchUserInfo(configuration, tokens.access_token, claims.sub) : {};
    const { iss, sub, email, name } = claimsSchema.parse({ ...more, ...claims });
    return { subject: `${iss} ${sub}`, email: email.trim().toLowerCase(), name: (name?.trim() ?? '').slice(0, NAME_LENGTH_MAX) || email };
  }

  /** Once; again when it failed. */
  #discover(): Promise<oidc.Configuration> {
    const { issuer, clientId, clientSecret } = this.#settings;
    const authentication = clientSecret === undefined ? oidc.None() : oidc.ClientSecretBasic(clientSecret);
    // Only on the machine itself can nobody listen in on plain HTTP.
    const execute = issuer.protocol === 'http:' && LOOPBACK_HOSTS.includes(issuer.hostname) ? [oidc.allowInsecureRequests] : [];
    this.#configuration ??= oidc.discovery(issuer, clientId, undefined, authentication, { execute, timeout: TIMEOUT_SECONDS }).catch((error: unknown) => {
      this.#configuration = undefined;
      throw error;
    });
    return this.#configuration;
  }
}
