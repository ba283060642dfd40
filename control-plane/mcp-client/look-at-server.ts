/** Looks at a server once: finds the transport and revision that reach it, what it asks of callers, and its tools. Nothing is kept. */
import type { AddressRules } from '../../shared/address-rules.ts';
import type { Transport } from '../../shared/mcp-server.ts';
import { readAuthorisation, type Authorisation } from './authorisation-metadata.ts';
import { createGuardedFetch, type GuardedFetch } from './guarded-fetch.ts';
import { LookSteps, type LookStep } from './look-steps.ts';
import { httpTransport, openSession, openSessionless, sseTransport, type McpConnection, type ToolEntry } from './mcp-connection.ts';
import { hideSecrets, type HttpReach, type OpenReach } from './open-reach.ts';
import { withMessageHeaders } from './sessionless-client.ts';
import { StdioLink, type StdioHost, type StdioProgram } from './stdio-link.ts';

/** What the operator lets the control plane reach. */
export interface LookBounds {
  readonly rules: AddressRules;
  readonly stdio: StdioHost;
}

export interface Look {
  /** Undefined when no transport reaches it. */
  readonly transport: Transport | undefined;
  readonly revision: string | undefined;
  readonly serverInfo: Readonly<Record<string, unknown>> | null;
  readonly authorisation: Authorisation;
  /** Whether anything came back from there at all. */
  readonly isAnswered: boolean;
  /** Undefined when they could not be read. */
  readonly tools: readonly ToolEntry[] | undefined;
  readonly steps: readonly LookStep[];
  /** The sentence of the last step that failed. */
  readonly failure: string | undefined;
}

/** One way to reach a server. */
interface Way {
  readonly name: string;
  readonly transport: Transport;
  readonly open: () => Promise<McpConnection>;
}

const LOOK_MILLIS_MAX = 20_000;
const UNKNOWN_NEED: Authorisation = { need: 'UNKNOWN', metadata: null, warnings: [] };

export async function lookAtServer(reach: OpenReach, bounds: LookBounds): Promise<Look> {
  const signal = AbortSignal.timeout(LOOK_MILLIS_MAX);
  const steps = new LookSteps((text) => hideSecrets(reach, text));
  if (reach.kind === 'stdio') return lookThrough(waysToProgram(reach.program, bounds.stdio, signal), steps);
  const guarded = createGuardedFetch({ rules: bounds.rules, isPublic: reach.isPublic, signal });
  try {
    const found = await lookThrough(waysToEndpoint(reach, guarded, signal), steps, () => guarded.challenge() !== undefined);
    const look = { ...found, isAnswered: guarded.hasAnswered() };
    const isSignedIn = look.tools !== undefined && Object.keys(reach.headers).length > 0;
    if (isSignedIn) return { ...look, authorisation: { ...look.authorisation, need: 'ACCEPTED' } };
    const challenge = guarded.challenge();
    // Some servers greet everybody, and ask who is there when it comes to their tools.
    if (look.tools !== undefined || challenge === undefined) return look;
    return { ...look, authorisation: await readAuthorisation(reach.url, challenge, { fetch: guarded.fetch, steps }) };
  } finally {
    await guarded.close();
  }
}

/** The first way that leads there is taken; `isRefused` says that all others would end alike. */
async function lookThrough(ways: readonly Way[], steps: LookSteps, isRefused = () => false): Promise<Look> {
  for (const { name, transport, open } of ways) {
    const connection = await steps.try(name, open, ({ revision }) => `the server speaks revision ${revision}`);
    if (connection !== undefined) return readThrough(connection, transport, steps);
    if (isRefused()) break;
  }
  return {
    transport: undefined,
    revision: undefined,
    serverInfo: null,
    authorisation: UNKNOWN_NEED,
    isAnswered: false,
    tools: undefined,
    steps: steps.steps,
    failure: steps.lastFailure,
  };
}

async function readThrough(connection: McpConnection, transport: Transport, steps: LookSteps): Promise<Look> {
  const tools = await steps.try(
    'tools',
    () => connection.listTools(),
    (found) => `the server has ${found.length} tools`,
  );
  const failure = tools === undefined ? steps.lastFailure : undefined;
  await steps.try(
    'end',
    () => connection.close(),
    () => 'the connection is closed',
  );
  return {
    transport,
    revision: connection.revision,
    serverInfo: connection.serverInfo,
    authorisation: { need: 'NONE', metadata: null, warnings: [] },
    isAnswered: true,
    tools,
    steps: steps.steps,
    failure,
  };
}

function waysToProgram(program: StdioProgram, host: StdioHost, signal: AbortSignal): Way[] {
  return [
    { name: 'stdio', transport: 'STDIO', open: () => openSession(new StdioLink(program, host), signal) },
    { name: 'stdio-without-session', transport: 'STDIO', open: () => openSessionless(new StdioLink(program, host), signal) },
  ];
}

function waysToEndpoint(reach: HttpReach, { fetch }: GuardedFetch, signal: AbortSignal): Way[] {
  const ways: Way[] = [
    { name: 'streamable-http', transport: 'STREAMABLE_HTTP', open: () => openSession(httpTransport(reach, fetch), signal) },
    {
      name: 'streamable-http-without-session',
      transport: 'STREAMABLE_HTTP',
      open: () => openSessionless(httpTransport(reach, withMessageHeaders(fetch)), signal),
    },
    { name: 'sse', transport: 'SSE', open: () => openSession(sseTransport(reach, fetch), signal) },
  ];
  return ways.filter(({ transport }) => reach.transport === undefined || transport === reach.transport);
}
