/** What a server that speaks HTTP+SSE may take: connections, calls, bytes and time. */

export interface SseLimits {
  /** Connections to one server, of all callers. */
  readonly connectionsPerServerMax: number;
  /** Calls that one connection carries at once; one more is refused. */
  readonly inFlightMax: number;
  /** From the start of a connection until it takes messages. */
  readonly openTimeoutMillis: number;
  /** From the arrival of a call to its answer. */
  readonly callTimeoutMillis: number;
  /** How long a connection is kept without a call and without a stream that its caller holds open. */
  readonly idleMillis: number;
  /** The largest event that a server may send. */
  readonly eventBytesMax: number;
  /** What waits for a caller that holds no stream open; the oldest messages give way. */
  readonly heldMessagesMax: number;
  readonly heldBytesMax: number;
  /** Requests of a server that wait for its caller's answer; the oldest are forgotten. */
  readonly serverRequestsMax: number;
}

const MEBIBYTE = 1024 * 1024;

export const SSE_LIMITS: SseLimits = {
  connectionsPerServerMax: 100,
  inFlightMax: 256,
  openTimeoutMillis: 20_000,
  callTimeoutMillis: 300_000,
  idleMillis: 300_000,
  eventBytesMax: 16 * MEBIBYTE,
  heldMessagesMax: 100,
  heldBytesMax: MEBIBYTE,
  serverRequestsMax: 1000,
};
