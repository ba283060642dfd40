/** One server of a file that is imported: as it would be made, or why it cannot be. */
import { InputRefused, refuseInput } from '../graphql/input-refused.ts';
import type { CreateServerInput } from '../mcp-servers/mcp-server.inputs.ts';
import type { AuthInput, SecretEntry } from '../mcp-servers/server-secrets.ts';

/** Where the server is, and what Turnpike needs to get in. */
export type ImportedReach = Pick<CreateServerInput, 'transport' | 'endpointUrl' | 'stdioCommand' | 'stdioArgs' | 'stdioEnv' | 'auth'>;

export interface ImportEntry {
  readonly name: string;
  readonly description: string | null;
  readonly reach: ImportedReach | InputRefused;
}

export interface HeaderField {
  readonly name: string;
  readonly value: string;
}

/** `${TOKEN}`, `${input:token}` and `{token}` in the place of a value that the client would fill in. */
const PLACEHOLDER = /\$\{[^}]*\}|^\{[^{}]*\}$/;

export function httpReach(transport: 'STREAMABLE_HTTP' | 'SSE', url: string, headers: readonly HeaderField[]): ImportedReach {
  requireFilledIn([{ name: 'url', value: url }, ...headers]);
  return { transport, endpointUrl: url, stdioCommand: null, stdioArgs: [], stdioEnv: [], auth: authOf(headers) };
}

export function stdioReach(command: string, args: readonly string[], environment: readonly SecretEntry[]): ImportedReach {
  requireFilledIn([{ name: 'command', value: command }, ...args.map((value) => ({ name: 'args', value })), ...environment]);
  return { transport: 'STDIO', endpointUrl: null, stdioCommand: command, stdioArgs: args, stdioEnv: environment, auth: null };
}

/** Reads one entry; what is wrong with it stays with it. */
export function readEntry(name: string, description: string | null, read: () => ImportedReach): ImportEntry {
  try {
    return { name, description, reach: read() };
  } catch (error) {
    if (error instanceof InputRefused) return { name, description, reach: error };
    throw error;
  }
}

function requireFilledIn(fields: readonly HeaderField[]): void {
  const open = fields.find(({ value }) => PLACEHOLDER.test(value));
  if (open !== undefined) throw refuseInput([open.name], 'REQUIRED', `${open.name} holds a placeholder`, 'put the value itself in its place');
}

/** Turnpike signs in with one header. */
export function authOf(headers: readonly HeaderField[]): AuthInput | null {
  const [header, second] = headers;
  if (header === undefined) return null;
  if (second !== undefined) throw refuseInput(['headers'], 'INVALID', `a server is called with one header of its own, not with ${headers.length}`);
  if (header.name.toLowerCase() !== 'authorization') return { apiKey: { header: header.name, value: header.value } };
  const [scheme = '', credentials = ''] = header.value.split(/ +/);
  if (/^bearer$/i.test(scheme)) return { bearer: { token: credentials } };
  const [, username, password] = /^basic$/i.test(scheme) ? (/^([^:]*):(.*)$/s.exec(Buffer.from(credentials, 'base64').toString('utf8')) ?? []) : [];
  if (username !== undefined && password !== undefined) return { basic: { username, password } };
  return { apiKey: { header: header.name, value: header.value } };
}
