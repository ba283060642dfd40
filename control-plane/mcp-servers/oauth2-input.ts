/** Reads how Turnpike gets its tokens for a server, which differs with whose sign-in they come from. */
import { OAUTH2_MODES, type OAuth2Mode } from '../../shared/mcp-server.ts';
import { refuseInput } from '../graphql/input-refused.ts';
import { isPrivateWay } from '../upstream-oauth/oauth-fetch.ts';
import type { OAuth2Auth } from './stored-auth.ts';

export interface OAuth2Input {
  readonly mode: OAuth2Mode;
  readonly tokenUrl?: string | null;
  readonly clientId?: string | null;
  readonly clientSecret?: string | null;
  readonly scope?: string | null;
  readonly audience?: string | null;
  readonly resource?: string | null;
}

const AT = ['auth', 'oauth2'] as const;
const LENGTH_MAX = 2048;
/** RFC 6749, appendix A.1 and A.4. */
const CLIENT_ID = /^[\x20-\x7e]{1,2048}$/;
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/;

/** Everything but the secret. */
export function readOAuth2(input: OAuth2Input): Omit<OAuth2Auth, 'clientSecret'> {
  const { mode } = input;
  if (!OAUTH2_MODES.includes(mode)) throw refuseInput([...AT, 'mode'], 'INVALID', `mode is one of ${OAUTH2_MODES.join(', ')}`);
  const isOwn = mode === 'CLIENT_CREDENTIALS';
  const tokenUrl = readUrl(input.tokenUrl ?? null, 'tokenUrl');
  const clientId = input.clientId ?? null;
  if (clientId !== null && !CLIENT_ID.test(clientId)) throw refuseInput([...AT, 'clientId'], 'INVALID', 'a client id has visible ASCII characters');
  if (isOwn && tokenUrl === null) throw refuseInput([...AT, 'tokenUrl'], 'REQUIRED', 'client credentials need the tokenUrl');
  if (isOwn && clientId === null) throw refuseInput([...AT, 'clientId'], 'REQUIRED', 'client credentials need the clientId');
  if (isOwn && input.clientSecret == null) throw refuseInput([...AT, 'clientSecret'], 'REQUIRED', 'client credentials need the clientSecret');
  if (!isOwn && tokenUrl !== null) throw refuseInput([...AT, 'tokenUrl'], 'INVALID', 'where tokens come from is found out when somebody signs in');
  if (clientId === null && input.clientSecret != null) throw refuseInput([...AT, 'clientSecret'], 'INVALID', 'a client secret belongs to a clientId');
  const scope = readText(input.scope ?? null, 'scope');
  if (scope !== null && !SCOPE.test(scope)) throw refuseInput([...AT, 'scope'], 'INVALID', 'a scope is words with single spaces between them');
  const audience = readText(input.audience ?? null, 'audience');
  return { type: 'OAUTH2', mode, tokenUrl, clientId, scope, audience, resource: readResource(input.resource ?? null) };
}

function readUrl(text: string | null, field: string): string | null {
  if (text === null) return null;
  const url = text.length <= LENGTH_MAX ? URL.parse(text) : null;
  if (url === null || url.username !== '' || url.password !== '' || url.hash !== '' || !isPrivateWay(url))
    throw refuseInput([...AT, field], 'INVALID', `${field} must be an https URL without credentials`);
  return text;
}

/** RFC 8707: an absolute URI without a fragment. */
function readResource(text: string | null): string | null {
  const url = text === null ? null : URL.parse(text);
  if (text !== null && (url === null || url.hash !== '' || text.length > LENGTH_MAX))
    throw refuseInput([...AT, 'resource'], 'INVALID', 'resource must be an absolute URI without a fragment');
  return text;
}

function readText(text: string | null, field: string): string | null {
  if (text !== null && (text.length === 0 || text.length > LENGTH_MAX))
    throw refuseInput([...AT, field], 'INVALID', `${field} has 1 to ${LENGTH_MAX} characters`);
  return text;
}
