/** What any server that speaks HTTP+SSE may take beside its own limits: connections, calls, and what waits for their callers. */

export interface SseLimits {
  /** Connections to one server, of all callers. */
  readonly connectionsPerServerMax: number;
  /** Calls that one connection carries at once; one more is refused. */
  readonly inFlightMax: number;
  /** How long a connection is kept without a call and without a stream that its caller holds open. */
  readonly idleMillis: number;
  /** What waits for a caller that holds no stream open; the oldest messages give way. */
  readonly heldMessagesMax: number;
  readonly heldBytesMax: number;
  /** Requests of a server that wait for its caller's answer; the oldest are forgotten. */
  readonly serverRequestsMax: number;
}

export const SSE_LIMITS: SseLimits = {
  connectionsPerServerMax: 100,
  inFlightMax: 256,
  idleMillis: 300_000,
  heldMessagesMax: 100,
  heldBytesMax: 1024 * 1024,
  serverRequestsMax: 1000,
};
