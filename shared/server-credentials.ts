/** Opens what a server's configuration holds in secret, into the headers and the environment with which Turnpike signs in there. */
import { AUTH_SECRET_FIELDS, stdioEnvField, type McpServer } from './mcp-server.ts';
import type { SealedSecret, SecretPlace, SecretSealer } from './sealed-secret.ts';

type Owner = Pick<McpServer, 'id' | 'organisationId'>;

/** Flat: name in lower case, value; nothing of what does not stand in the configuration of the server. Throws when a secret does not open. */
export function authHeadersOf(server: Owner & Pick<McpServer, 'auth'>, sealer: SecretSealer): readonly string[] {
  const { auth } = server;
  switch (auth.type) {
    case 'NONE':
    case 'OAUTH2':
    case 'OAUTH2_PASSTHROUGH':
      return [];
    case 'BEARER':
      return ['authorization', `Bearer ${sealer.open(auth.token, placeOf(server, AUTH_SECRET_FIELDS.BEARER))}`];
    case 'BASIC': {
      const password = sealer.open(auth.password, placeOf(server, AUTH_SECRET_FIELDS.BASIC));
      return ['authorization', `Basic ${Buffer.from(`${auth.username}:${password}`).toString('base64')}`];
    }
    case 'API_KEY':
      return [auth.header.toLowerCase(), sealer.open(auth.value, placeOf(server, AUTH_SECRET_FIELDS.API_KEY))];
  }
}

/** The value of one environment variable. Throws when it does not open. */
export function openVariable(server: Owner, name: string, { sealed, sealer }: { sealed: SealedSecret; sealer: SecretSealer }): string {
  return sealer.open(sealed, placeOf(server, stdioEnvField(name)));
}

function placeOf({ organisationId, id }: Owner, field: string): SecretPlace {
  return { organisationId, ownerId: id, field };
}
