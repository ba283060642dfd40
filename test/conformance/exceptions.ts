/** The checks that do not pass because of how the server is reached, each with its reason; one that passes after all fails the run. */
import type { RequirementSet } from './suite.ts';

/**
 * How the server is reached. Two are Streamable HTTP, to a server that knows no revision with sessions, and to one that knows no other. Behind two
 * nodes, successive requests go to different ones.
 */
export type UpstreamTransport = (typeof TRANSPORTS)[number] | '2026-07-28 only' | 'HTTP with sessions' | `${(typeof TRANSPORTS)[number]}, two nodes`;
const TRANSPORTS = ['Streamable HTTP', 'STDIO', 'HTTP+SSE'] as const;

export interface ConformanceException {
  readonly transport: UpstreamTransport;
  readonly requirements: RequirementSet;
  /** As the run names it. */
  readonly check: string;
  readonly reason: string;
}

/** STDIO and HTTP+SSE have one channel to the client, and like revision 2026-07-28 neither event ids nor a way to ask for what was missed. */
const WITHOUT_EVENT_IDS = [
  {
    check: 'server-sse-polling: server-sse-priming-event, Server SHOULD send priming event with id and empty data on POST SSE streams',
    reason: 'the server gives its messages no event ids, so a client has nothing to come back with',
  },
  {
    check: 'server-sse-polling: server-sse-retry-field, Server SHOULD send retry field to control client reconnection timing',
    reason: 'the server has no way to say when to come back, and there is nothing to come back for',
  },
  {
    check: 'server-sse-polling: server-sse-disconnect-resume, Server closes SSE stream mid-call and resumes after client reconnects with Last-Event-ID',
    reason: 'the server cannot close the stream of a call and go on with it, so the call is answered where it was made',
  },
  {
    check: 'server-sse-multiple-streams: server-sse-streams-functional, Multiple POST SSE streams should be functional',
    reason:
      'the server has no reason to open a stream for the call: an answer with nothing ahead of it is JSON, which the suite notes as right and does not score',
  },
] as const;

const WITHOUT_EVENTS = ['STDIO', 'STDIO, two nodes', 'HTTP+SSE', 'HTTP+SSE, two nodes', '2026-07-28 only'] as const;
const NO_HEADERS_FROM_SCHEMAS = 'no server with sessions wants arguments in headers: these go no further, and nothing is judged by them';
const OWN_NAMES = 'the gateway makes the round out of a question of the server, which has no name of that kind';
const COMPLETED = 'the answers come with the first message, and the server has not asked yet';

/** Between the eras: what a server of the revision decides for itself, and the gateway must decide for one with sessions. */
const BETWEEN_ERAS = [
  ...[
    'sep-2243-server-reject-invalid-param-chars, Server MUST reject Mcp-Param header with invalid Base64 padding (per SEP-2243 test-case table)',
    'sep-2243-server-reject-param-mismatch, Server MUST reject Mcp-Param header with invalid Base64 padding (per SEP-2243 test-case table) — uses JSON-RPC error code -32020 (HeaderMismatch)',
    'sep-2243-server-reject-invalid-param-chars, Server MUST reject Mcp-Param header with non-alphabet Base64 characters (per SEP-2243 test-case table)',
    'sep-2243-server-reject-param-mismatch, Server MUST reject Mcp-Param header with non-alphabet Base64 characters (per SEP-2243 test-case table) — uses JSON-RPC error code -32020 (HeaderMismatch)',
    'sep-2243-server-validate-param-match, Server MUST reject request where custom header is omitted but value is present in body',
    'sep-2243-server-reject-param-mismatch, Server MUST reject request where custom header is omitted but value is present in body — uses JSON-RPC error code -32020 (HeaderMismatch)',
  ].map((check) => ({ check: `http-custom-header-server-validation: ${check}`, reason: NO_HEADERS_FROM_SCHEMAS })),
  ...[
    'sep-2322-elicitation-incomplete, Server returns InputRequiredResult with elicitation inputRequest',
    'sep-2322-elicitation-complete, Server returns complete result after retry with inputResponses',
  ].map((check) => ({ check: `input-required-result-basic-elicitation: ${check}`, reason: OWN_NAMES })),
  {
    check: 'input-required-result-ignore-extra-params: sep-2322-ignore-unexpected-params, Server ignores extra unrecognized keys in inputResponses',
    reason: COMPLETED,
  },
] as const;

export const EXCEPTIONS: readonly ConformanceException[] = [
  ...exceptionsOf(WITHOUT_EVENTS, '2025-11-25', WITHOUT_EVENT_IDS),
  ...exceptionsOf(['HTTP with sessions', 'STDIO', 'HTTP+SSE'], '2026-07-28', BETWEEN_ERAS),
];

function exceptionsOf(
  transports: readonly UpstreamTransport[],
  requirements: RequirementSet,
  checks: readonly Pick<ConformanceException, 'check' | 'reason'>[],
): ConformanceException[] {
  return transports.flatMap((transport) => checks.map((exception) => ({ transport, requirements, ...exception })));
}
