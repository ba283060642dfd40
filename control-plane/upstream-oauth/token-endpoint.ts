/** Asks an authorisation server for tokens, and says in one sentence why it gave none. */
import { randomUUID } from 'node:crypto';
import * as oidc from 'openid-client';
import type { AddressRules } from '../../shared/address-rules.ts';
import { isPlain, withOauthFetch } from './oauth-fetch.ts';
import type { OpenRegistration, TokenClient } from './registration.ts';

export interface FetchedToken {
  readonly accessToken: string;
  /** Undefined when the one before it goes on, or there is none. */
  readonly refreshToken: string | undefined;
  readonly expiresInSeconds: number | undefined;
  /** Undefined when they are those that were asked for. */
  readonly scope: string | undefined;
}

/** What a browser has brought back from the authorisation server, and what it must fit. */
export interface ComeBack {
  /** The redirect URI, with the query that the browser came with. */
  readonly url: URL;
  readonly state: string;
  readonly verifier: string;
  /** Whether the authorisation server has promised to say who it is (RFC 9207). */
  readonly namesIssuer: boolean;
}

/** SIGN_IN_OVER: asking again would not help. CLIENT_UNKNOWN: Turnpike is none of its clients. FOR_NOW: what is wrong may pass. */
export type RefusalMeaning = 'SIGN_IN_OVER' | 'CLIENT_UNKNOWN' | 'FOR_NOW';

/** What is told in place of a token; never holds what was sent. */
export class TokenRefused extends Error {
  override readonly name = 'TokenRefused';
  readonly meaning: RefusalMeaning;

  constructor(message: string, meaning: RefusalMeaning, options?: ErrorOptions) {
    super(message, options);
    this.meaning = meaning;
  }
}

/** What may stand behind `Bearer` in a header; anything else would write headers of its own. */
const ACCESS_TOKEN = /^[\x21-\x7e]{1,16384}$/;
const ERROR_CODE = /^[\w.-]{1,64}$/;
const TIMEOUT_SECONDS = 10;
/** By the code in an answer; everything else may pass. */
const MEANINGS: ReadonlyMap<string, RefusalMeaning> = new Map([
  ['invalid_grant', 'SIGN_IN_OVER'],
  ['invalid_client', 'CLIENT_UNKNOWN'],
]);

export class TokenEndpoint {
  readonly #rules: AddressRules;

  constructor(rules: AddressRules) {
    this.#rules = rules;
  }

  /** A token of Turnpike's own (RFC 6749, section 4.4). */
  clientCredentials(registration: OpenRegistration): Promise<FetchedToken> {
    return this.#ask(registration, (configuration) => oidc.clientCredentialsGrant(configuration, wishesOf(registration)));
  }

  /** The next token of a sign-in (RFC 6749, section 6). The refresh token may be used up even when this throws. */
  refresh(registration: OpenRegistration, refreshToken: string): Promise<FetchedToken> {
    const { resource } = registration;
    return this.#ask(registration, (configuration) => oidc.refreshTokenGrant(configuration, refreshToken, resource === null ? {} : { resource }));
  }

  /** The tokens of a sign-in that has come back (RFC 6749, section 4.1.3), once `state`, issuer and verifier are what they must be. */
  async exchange(registration: OpenRegistration, comeBack: ComeBack): Promise<FetchedToken & { readonly subject: string | null }> {
    const { resource } = registration;
    const checks = { expectedState: comeBack.state, pkceCodeVerifier: comeBack.verifier };
    try {
      return await this.#within(
        registration,
        async (configuration) => {
          const tokens = await oidc.authorizationCodeGrant(configuration, comeBack.url, checks, resource === null ? {} : { resource });
          return { ...fetchedOf(tokens), subject: tokens.claims()?.sub ?? null };
        },
        { authorization_response_iss_parameter_supported: comeBack.namesIssuer },
      );
    } catch (error) {
      throw refusedOf(error);
    }
  }

  /** Whether the client is one of the server's, as far as that can be told: it is asked about a token that nobody has, after it has looked who asks. */
  async knows(client: TokenClient): Promise<boolean> {
    try {
      await this.#ask(client, (configuration) => oidc.refreshTokenGrant(configuration, randomUUID()));
      return true;
    } catch (error) {
      return !(error instanceof TokenRefused && error.meaning === 'CLIENT_UNKNOWN');
    }
  }

  /** Takes a token back, where the authorisation server lets that be done (RFC 7009). */
  async revoke(registration: OpenRegistration, token: string): Promise<void> {
    if (registration.revocationEndpoint !== null) await this.#within(registration, (configuration) => oidc.tokenRevocation(configuration, token));
  }

  async #ask(
    client: TokenClient,
    grant: (configuration: oidc.Configuration) => Promise<oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers>,
  ): Promise<FetchedToken> {
    try {
      return await this.#within(client, async (configuration) => fetchedOf(await grant(configuration)));
    } catch (error) {
      throw refusedOf(error);
    }
  }

  /** Gives the work what the library needs to speak as this client. */
  #within<Answer>(client: TokenClient, work: (configuration: oidc.Configuration) => Promise<Answer>, more: Partial<oidc.ServerMetadata> = {}): Promise<Answer> {
    return withOauthFetch({ rules: this.#rules, isPublic: client.isPublic }, (fetch) => {
      const { issuer, tokenEndpoint, revocationEndpoint, clientId } = client;
      const server = { ...more, issuer, token_endpoint: tokenEndpoint, ...(revocationEndpoint === null ? {} : { revocation_endpoint: revocationEndpoint }) };
      const configuration = new oidc.Configuration(server, clientId, {}, authenticationOf(client));
      configuration.timeout = TIMEOUT_SECONDS;
      configuration[oidc.customFetch] = (url, { body, signal, ...init }) =>
        fetch(url, { ...init, ...(body == null ? {} : { body }), ...(signal === undefined ? {} : { signal }) });
      if (isPlain(tokenEndpoint)) oidc.allowInsecureRequests(configuration);
      return work(configuration);
    });
  }
}

/** Throws a `TokenRefused` for tokens that cannot be used. */
function fetchedOf(tokens: oidc.TokenEndpointResponse): FetchedToken {
  if (tokens.token_type !== 'bearer') throw new TokenRefused('the authorisation server gives tokens of another kind than bearer', 'FOR_NOW');
  if (!ACCESS_TOKEN.test(tokens.access_token)) throw new TokenRefused('the authorisation server gave a token that fits in no header', 'FOR_NOW');
  return { accessToken: tokens.access_token, refreshToken: tokens.refresh_token, expiresInSeconds: tokens.expires_in, scope: tokens.scope };
}

function refusedOf(error: unknown): TokenRefused {
  if (error instanceof TokenRefused) return error;
  if (error instanceof oidc.ResponseBodyError) {
    const code = ERROR_CODE.test(error.error) ? error.error : 'an error';
    return new TokenRefused(`the authorisation server answered ${code} (status ${error.status})`, MEANINGS.get(error.error) ?? 'FOR_NOW', { cause: error });
  }
  if (error instanceof oidc.AuthorizationResponseError) {
    const code = ERROR_CODE.test(error.error) ? error.error : 'an error';
    return new TokenRefused(`the authorisation server answered ${code}`, 'SIGN_IN_OVER', { cause: error });
  }
  // In this form it is told to a client that has named itself in a header (RFC 6749, section 5.2).
  if (error instanceof oidc.WWWAuthenticateChallengeError) {
    const meaning = error.status === 401 ? 'CLIENT_UNKNOWN' : 'FOR_NOW';
    return new TokenRefused(`the authorisation server does not accept this client (status ${error.status})`, meaning, { cause: error });
  }
  if (error instanceof oidc.ClientError) return new TokenRefused('the authorisation server gave no answer that can be used', 'FOR_NOW', { cause: error });
  // What the guard says is made for people; everything else stays in the cause.
  const sentence = error instanceof Error && error.constructor === Error ? `: ${error.message}` : '';
  return new TokenRefused(`the authorisation server cannot be asked${sentence}`, 'FOR_NOW', { cause: error });
}

function wishesOf({ scope, resource, audience }: OpenRegistration): Record<string, string> {
  return Object.fromEntries(Object.entries({ scope, resource, audience }).flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
}

function authenticationOf({ method, clientSecret }: TokenClient): oidc.ClientAuth {
  switch (method) {
    case 'none':
      return oidc.None();
    case 'client_secret_basic':
      return oidc.ClientSecretBasic(clientSecret ?? '');
    case 'client_secret_post':
      return oidc.ClientSecretPost(clientSecret ?? '');
  }
}
