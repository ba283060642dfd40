/** Seals what a server's configuration holds in secret, and keeps of each the little that may be shown. */
import { AUTH_SECRET_FIELDS, stdioEnvField } from '../../shared/mcp-server.ts';
import type { SealedSecret, SecretSealer } from '../../shared/sealed-secret.ts';
import { refuseInput } from '../graphql/input-refused.ts';
import { clientSecretPlace } from '../upstream-oauth/registration.ts';
import type { SecretFieldRow } from './mcp-server.entity.ts';
import { readOAuth2, type OAuth2Input } from './oauth2-input.ts';
import type { StoredAuth } from './stored-auth.ts';

/** Exactly one member says how Turnpike signs in upstream. */
export interface AuthInput {
  readonly none?: boolean | null;
  readonly bearer?: { readonly token: string } | null;
  readonly basic?: { readonly username: string; readonly password: string } | null;
  readonly apiKey?: { readonly header: string; readonly value: string } | null;
  readonly oauth2?: OAuth2Input | null;
  readonly passthrough?: boolean | null;
}

interface SealedAuth {
  readonly auth: StoredAuth;
  readonly fields: SecretFieldRow[];
}

export interface SecretEntry {
  readonly name: string;
  readonly value: string;
}

const HEADER_NAME = /^[A-Za-z][A-Za-z0-9-]{0,63}$/;
/** Headers that are the gateway's own to set, or that would change where the request goes. */
const RESERVED_HEADERS =
  /^(?:host|content-length|content-type|content-encoding|transfer-encoding|connection|keep-alive|upgrade|te|trailer|cookie|accept|accept-encoding|expect|last-event-id|origin|proxy-.*|mcp-.*)$/i;
const VISIBLE_ASCII = /^[\x20-\x7e]+$/;
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

/** Works on behalf of one server: its secrets open in that place alone. */
export class ServerSecrets {
  readonly #sealer: SecretSealer;
  readonly #organisationId: string;
  readonly #serverId: string;

  constructor(sealer: SecretSealer, place: { organisationId: string; serverId: string }) {
    this.#sealer = sealer;
    this.#organisationId = place.organisationId;
    this.#serverId = place.serverId;
  }

  sealAuth(input: AuthInput): SealedAuth {
    const { none, bearer, basic, apiKey, oauth2, passthrough } = input;
    const given = [none === true, bearer != null, basic != null, apiKey != null, oauth2 != null, passthrough === true].filter(Boolean).length;
    if (given !== 1) throw refuseInput(['auth'], 'INVALID', 'give exactly one of none, bearer, basic, apiKey, oauth2 and passthrough');
    if (input.bearer != null) {
      const token = headerValue(input.bearer.token, ['auth', 'bearer', 'token']);
      return { auth: { type: 'BEARER', token: this.#seal(token, AUTH_SECRET_FIELDS.BEARER) }, fields: [this.#field(AUTH_SECRET_FIELDS.BEARER, token)] };
    }
    if (input.basic != null) return this.#sealBasic(input.basic);
    if (input.apiKey != null) return this.#sealApiKey(input.apiKey);
    if (input.oauth2 != null) return this.#sealOAuth2(input.oauth2);
    if (input.passthrough === true) return { auth: { type: 'OAUTH2_PASSTHROUGH' }, fields: [] };
    return { auth: { type: 'NONE' }, fields: [] };
  }

  /** `at` is the input's field that holds the entries. */
  sealEnvironment(entries: readonly SecretEntry[], at: string): { env: Record<string, SealedSecret>; fields: SecretFieldRow[] } {
    const env: Record<string, SealedSecret> = {};
    for (const { name, value } of entries) {
      if (!VARIABLE_NAME.test(name)) throw refuseInput([at], 'INVALID', 'a variable’s name has letters, digits and underscores');
      if (Object.hasOwn(env, name)) throw refuseInput([at], 'INVALID', `${name} is given twice`);
      if (value.includes('\0')) throw refuseInput([at], 'INVALID', `the value of ${name} holds a NUL`);
      env[name] = this.#seal(value, stdioEnvField(name));
    }
    return { env, fields: entries.map(({ name, value }) => this.#field(stdioEnvField(name), value)) };
  }

  #sealBasic({ username, password }: { username: string; password: string }): SealedAuth {
    if (username.includes(':') || !VISIBLE_ASCII.test(username))
      throw refuseInput(['auth', 'basic', 'username'], 'INVALID', 'a user name has visible ASCII and no colon');
    const field = AUTH_SECRET_FIELDS.BASIC;
    return { auth: { type: 'BASIC', username, password: this.#seal(password, field) }, fields: [this.#field(field, password)] };
  }

  #sealApiKey({ header, value }: { header: string; value: string }): SealedAuth {
    if (!HEADER_NAME.test(header) || RESERVED_HEADERS.test(header)) {
      throw refuseInput(['auth', 'apiKey', 'header'], 'INVALID', 'a key may not be sent in that header', 'use one such as X-API-Key');
    }
    const text = headerValue(value, ['auth', 'apiKey', 'value']);
    const field = AUTH_SECRET_FIELDS.API_KEY;
    return { auth: { type: 'API_KEY', header, value: this.#seal(text, field) }, fields: [this.#field(field, text)] };
  }

  #sealOAuth2(input: OAuth2Input): SealedAuth {
    const { clientSecret = null } = input;
    const { field } = clientSecretPlace({ organisationId: this.#organisationId, id: this.#serverId });
    const auth = { ...readOAuth2(input), clientSecret: clientSecret === null ? null : this.#seal(clientSecret, field) };
    return { auth, fields: clientSecret === null ? [] : [this.#field(field, clientSecret)] };
  }

  #seal(secret: string, field: string): SealedSecret {
    return this.#sealer.seal(secret, { organisationId: this.#organisationId, ownerId: this.#serverId, field });
  }

  #field(name: string, secret: string): SecretFieldRow {
    return { name, fingerprint: this.#sealer.fingerprint(secret), updatedAt: new Date().toISOString() };
  }
}

/** Line breaks in a header would let a value write headers of its own. */
function headerValue(value: string, field: readonly string[]): string {
  if (!VISIBLE_ASCII.test(value)) throw refuseInput(field, 'INVALID', 'a header’s value has visible ASCII characters only');
  return value;
}
