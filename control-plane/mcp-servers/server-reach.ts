/** Where a server is and how Turnpike signs in there must fit its transport; the half that a transport does not use stays empty. */
import { z } from 'zod';
import { mcpServerSchema, type StdioIsolation, type Transport } from '../../shared/mcp-server.ts';
import type { StdioAllowlist } from '../../shared/stdio-allowlist.ts';
import { AddressRefused, type AddressRules } from '../../shared/address-rules.ts';
import { parseInput, refuseInput } from '../graphql/input-refused.ts';
import type { StoredAuth } from './stored-auth.ts';

export interface Reach {
  readonly transport: Transport;
  readonly endpointUrl: string | null;
  readonly stdioCommand: string | null;
  readonly stdioArgs: readonly string[];
  readonly envNames: readonly string[];
  readonly stdioIsolation: StdioIsolation;
}

/** What the operator lets servers be. */
export interface ReachBounds {
  readonly allowlist: StdioAllowlist;
  readonly rules: AddressRules;
}

const stdioSchema = z.object({ stdioCommand: z.string().min(1).max(4096), stdioArgs: z.array(z.string().max(4096)).max(64) });
const ENDPOINT_LENGTH_MAX = 2048;

/** HTTP needs an endpoint, STDIO a command that the operator allows. */
export function requireReach(reach: Reach, allowlist: StdioAllowlist): void {
  switch (reach.transport) {
    case 'STDIO':
      return requireLaunch(reach, allowlist);
    case 'STREAMABLE_HTTP':
    case 'SSE':
      return requireEndpoint(reach);
  }
}

/** What a name stands for is judged at every connection; an address is the same at each, and judged when it is saved. */
export function requireAddress({ endpointUrl, isPublic }: { endpointUrl: string; isPublic: boolean }, rules: AddressRules): void {
  try {
    rules.refuseLiteral(new URL(endpointUrl), isPublic);
  } catch (error) {
    if (!(error instanceof AddressRefused)) throw error;
    const hint = isPublic ? 'a server on a private address is not public' : 'the operator says in UPSTREAM_PRIVATE_CIDRS where private servers may live';
    throw refuseInput(['endpointUrl'], 'PRIVATE_ADDRESS', error.message, hint);
  }
}

/** A program has no request to put a header on. */
export function requireFittingAuth(transport: Transport, auth: StoredAuth): void {
  if (transport !== 'STDIO' || auth.type === 'NONE') return;
  throw refuseInput(['auth'], 'INVALID', 'a STDIO server has no upstream auth', 'give the secret as an environment variable, in stdioEnv');
}

/** A secret is meant for one origin: whoever may move a server and not read its secret would else have it sent to a place of their own. */
export function requireOriginKept(auth: StoredAuth, { from, to }: { from: string | null; to: string | null }): void {
  if (auth.type === 'NONE' || from === null || to === null || URL.parse(from)?.origin === URL.parse(to)?.origin) return;
  throw refuseInput(
    ['endpointUrl'],
    'CONFLICT',
    'the server signs in with a secret that was given for another origin',
    'take it away with setServerAuth and none, move the server, then call setServerAuth anew with what is meant for the new origin',
  );
}

function requireEndpoint({ endpointUrl, stdioCommand, stdioArgs, envNames, stdioIsolation }: Reach): void {
  if (stdioCommand !== null || stdioArgs.length > 0 || envNames.length > 0)
    throw refuseInput(['stdioCommand'], 'INVALID', 'a server that is reached over HTTP runs no command');
  if (stdioIsolation !== 'SHARED') throw refuseInput(['stdioIsolation'], 'INVALID', 'only a STDIO server has processes to keep apart');
  if (endpointUrl === null) throw refuseInput(['endpointUrl'], 'REQUIRED', 'a server that is reached over HTTP needs its endpointUrl');
  const url = URL.parse(endpointUrl);
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (url === null || !isHttp || endpointUrl.length > ENDPOINT_LENGTH_MAX || !mcpServerSchema.shape.endpointUrl.safeParse(endpointUrl).success) {
    throw refuseInput(['endpointUrl'], 'INVALID', `endpointUrl must be an http or https URL of at most ${ENDPOINT_LENGTH_MAX} characters`);
  }
  if (url.username !== '' || url.password !== '') throw refuseInput(['endpointUrl'], 'INVALID', 'endpointUrl must not hold credentials', 'use setServerAuth');
}

function requireLaunch({ endpointUrl, stdioCommand, stdioArgs, envNames }: Reach, allowlist: StdioAllowlist): void {
  if (endpointUrl !== null) throw refuseInput(['endpointUrl'], 'INVALID', 'a STDIO server has no endpointUrl');
  if (stdioCommand === null) throw refuseInput(['stdioCommand'], 'REQUIRED', 'a STDIO server needs its stdioCommand');
  const launch = parseInput(stdioSchema, { stdioCommand, stdioArgs });
  const objection = allowlist.objectionTo({ command: launch.stdioCommand, args: launch.stdioArgs, envNames });
  if (objection === undefined) return;
  throw refuseInput(
    ['stdioCommand'],
    'STDIO_NOT_ALLOWED',
    objection,
    'the operator lists what may run in the file that TURNPIKE_STDIO_ALLOWLIST names, for both planes',
  );
}
