/** The checks that do not pass because of how the server is reached, each with its reason; one that passes after all fails the run. */
import type { RequirementSet } from './suite.ts';

/** How the server is reached; '2026-07-28 only' is Streamable HTTP to one that knows no revision with sessions. Behind two nodes, successive requests go to different ones. */
export type UpstreamTransport = (typeof TRANSPORTS)[number] | '2026-07-28 only' | `${(typeof TRANSPORTS)[number]}, two nodes`;
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
export const EXCEPTIONS: readonly ConformanceException[] = WITHOUT_EVENTS.flatMap((transport) =>
  WITHOUT_EVENT_IDS.map((exception) => ({ transport, requirements: '2025-11-25' as const, ...exception })),
);
