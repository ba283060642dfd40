/** All that is needed to call a server, with its secrets open: made for one look at it, never kept and never shown. */
import type { SecretSealer } from '../../shared/sealed-secret.ts';
import { authHeadersOf, openVariable } from '../../shared/server-credentials.ts';
import { refuseInput } from '../graphql/input-refused.ts';
import type { McpServer } from '../mcp-servers/mcp-server.entity.ts';
import type { StdioProgram } from './stdio-link.ts';

export interface HttpReach {
  readonly kind: 'http';
  /** Undefined for whoever does not know. */
  readonly transport: 'STREAMABLE_HTTP' | 'SSE' | undefined;
  readonly url: URL;
  readonly isPublic: boolean;
  readonly headers: Readonly<Record<string, string>>;
}
export type OpenReach = HttpReach | { readonly kind: 'stdio'; readonly program: StdioProgram };

export type Reached = Pick<McpServer, 'id' | 'organisationId' | 'endpointUrl' | 'stdioCommand' | 'stdioArgs' | 'stdioEnv' | 'auth' | 'isPublic'> & {
  readonly transport: McpServer['transport'] | undefined;
};

/** What it needs must be there: `requireReach` has seen to it. `accessToken` is what a connection of the server holds at present. */
export function openReach(server: Reached, sealer: SecretSealer, accessToken?: string): OpenReach {
  if (server.transport === 'STDIO') {
    const environment = Object.entries(server.stdioEnv).map(([name, sealed]) => [name, openVariable(server, name, { sealed, sealer })]);
    return { kind: 'stdio', program: { command: server.stdioCommand ?? '', args: server.stdioArgs, environment: Object.fromEntries(environment) } };
  }
  const [name, value] = headersOf(server, sealer, accessToken);
  const headers = name === undefined || value === undefined ? {} : { [name]: value };
  return { kind: 'http', transport: server.transport, url: new URL(server.endpointUrl ?? ''), isPublic: server.isPublic, headers };
}

/** A server that wants to be signed in to is never looked at without. */
function headersOf(server: Reached, sealer: SecretSealer, accessToken: string | undefined): readonly string[] {
  switch (server.auth.type) {
    case 'OAUTH2_PASSTHROUGH':
      throw refuseInput(['auth'], 'CONFLICT', 'its callers bring their own credentials, and Turnpike has none to look with');
    case 'OAUTH2':
      if (accessToken === undefined) throw refuseInput(['auth'], 'CONFLICT', 'there is no token to look at it with', 'auth.oauth of the server says why');
      return ['authorization', `Bearer ${accessToken}`];
    default:
      return authHeadersOf(server, sealer);
  }
}

const HIDDEN = '[secret]';
/** Shorter ones stand in ordinary words. */
const SECRET_LENGTH_MIN = 6;

/** A server may repeat what it was sent: takes the secrets of a reach out of a text. */
export function hideSecrets(reach: OpenReach, text: string): string {
  return secretsOf(reach)
    .filter(({ length }) => length >= SECRET_LENGTH_MIN)
    .reduce((rest, secret) => rest.replaceAll(secret, HIDDEN), text);
}

/** The same for every string within a value that came as JSON. */
export function hideSecretsWithin(reach: OpenReach, value: unknown): unknown {
  if (typeof value === 'string') return hideSecrets(reach, value);
  if (Array.isArray(value)) return value.map((element) => hideSecretsWithin(reach, element));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [hideSecrets(reach, name), hideSecretsWithin(reach, member)]));
}

/** Whether there is a secret anywhere within. */
export function repeatsSecret(reach: OpenReach, value: unknown): boolean {
  const text = JSON.stringify(value);
  return hideSecrets(reach, text) !== text;
}

/** The whole header and its last word, which is the token or the password's coding. */
function secretsOf(reach: OpenReach): string[] {
  if (reach.kind === 'stdio') return Object.values(reach.program.environment);
  return Object.values(reach.headers).flatMap((value) => [value, value.slice(value.lastIndexOf(' ') + 1), ...passwordIn(value)]);
}

function passwordIn(header: string): string[] {
  const coded = /^Basic (\S+)$/.exec(header)?.[1];
  return coded === undefined
    ? []
    : [
        Buffer.from(coded, 'base64')
          .toString('utf8')
          .replace(/^[^:]*:/, ''),
      ];
}
