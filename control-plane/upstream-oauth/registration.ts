/** What Turnpike is to an authorisation server, and where that gives its tokens. */
import type { SealedSecret, SecretPlace } from '../../shared/sealed-secret.ts';

export const CLIENT_AUTH_METHODS = ['none', 'client_secret_basic', 'client_secret_post'] as const;
export type ClientAuthMethod = (typeof CLIENT_AUTH_METHODS)[number];

/** As it is stored with a connection. */
export interface Registration {
  readonly issuer: string;
  readonly tokenEndpoint: string;
  readonly revocationEndpoint: string | null;
  readonly clientId: string;
  readonly method: ClientAuthMethod;
  /** Sealed for `clientSecretPlace` of the server. */
  readonly clientSecret: SealedSecret | null;
  readonly scope: string | null;
  /** What the tokens are for (RFC 8707). */
  readonly resource: string | null;
  readonly audience: string | null;
}

/** The same with its secret open: made for one request, and never kept. */
export interface OpenRegistration extends Omit<Registration, 'clientSecret'> {
  readonly clientSecret: string | null;
  /** Tokens are asked for at public addresses only. */
  readonly isPublic: boolean;
}

/** All of it that says who asks, and where. */
export type TokenClient = Pick<OpenRegistration, 'issuer' | 'tokenEndpoint' | 'revocationEndpoint' | 'clientId' | 'method' | 'clientSecret' | 'isPublic'>;

/** Where the secret of a client is sealed for, whoever chose it. */
export function clientSecretPlace(server: { readonly organisationId: string; readonly id: string }): SecretPlace {
  return { organisationId: server.organisationId, ownerId: server.id, field: 'auth.clientSecret' };
}
